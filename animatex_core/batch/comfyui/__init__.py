"""Batches on ComfyUI servers: a graph filled for every job, and a pool of servers that run it.

aiohttp, which ComfyUI itself is made of, talks to the servers. `comfy-sdk` speaks another protocol, which a
server has only behind `comfy-api-proxy`, a second program to install and run beside each of them; it reads
the one address of a process from the environment, and so knows a single server.
"""
