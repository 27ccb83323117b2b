"""Batches on a Ray cluster.

Ray starts workers, and notices when they or their nodes are gone. The process that has the manifest decides
which job goes to which worker, how often it is tried again and when to stop, so that none is done twice.
Ray's own retries are off. Only paths, settings and poses travel; workers read and write the frames.
"""
