"""Makes batches ahead of the training in worker processes, with torch's DataLoader."""

import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from ...errors import AnimateXError
from .batch_schedule import BatchPlan

Batch = TypeVar("Batch")
PREFETCH_FACTOR = 4  # batches per worker that are made in advance


def prefetch_batches(
    make: Callable[[BatchPlan], Batch], plans: Iterator[BatchPlan], workers: int
) -> Iterator[Batch]:
    """Make the batches of plans in worker processes.

    Args:
        make: Makes the batch of a plan.
        plans: The plans.
        workers: Number of processes; 0 makes the batches in this one.

    Yields:
        The batches, in the order of the plans.

    Raises:
        AnimateXError: If `make` raises one in a worker.

    """
    loader = DataLoader(
        _Batches(make),
        batch_size=None,
        sampler=plans,
        num_workers=workers,
        prefetch_factor=PREFETCH_FACTOR if workers else None,
        worker_init_fn=_init_worker,
    )
    for result in loader:
        if isinstance(result, AnimateXError):
            raise result
        yield result


class _Batches(Dataset[object]):
    def __init__(self, make: Callable[[BatchPlan], object]) -> None:
        self.make = make

    def __getitem__(self, plan: BatchPlan) -> object:
        # Returned, because the loader adds a traceback to messages of raised errors.
        try:
            return self.make(plan)
        except AnimateXError as error:
            return error


def _init_worker(_worker: int) -> None:
    """Ignore Ctrl+C, which the terminal sends to every process; the main process stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
