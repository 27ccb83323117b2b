"""What `torchrun` tells the processes that it starts, read without importing PyTorch."""

import os

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def process_count() -> int:
    """Return how many processes `torchrun` started; 1 without it, also if only some variables are set."""
    if not all(os.environ.get(name) for name in VARIABLES):
        return 1
    return int(os.environ["WORLD_SIZE"])


def process_number() -> int:
    """Return the number of this process among them, from 0."""
    return 0 if process_count() == 1 else int(os.environ["RANK"])
