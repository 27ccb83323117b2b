"""Many animations: job lists, what several jobs share, the manifest of what is done, and the loop over them.

How a job is done is a function that `run_jobs` is given.
"""
