"""Batches made ahead of the training in processes of their own, by torch's DataLoader."""

import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from ...errors import AnimateXError
from .batch_schedule import BatchPlan

Batch = TypeVar("Batch")
AHEAD = 4  # batches a worker makes before they are asked for


def prefetched(
    make: Callable[[BatchPlan], Batch], plans: Iterator[BatchPlan], workers: int
) -> Iterator[Batch]:
    """Yield the batches of plans in their order, made by `workers` processes; 0 makes them in this one.

    What they raise of ours is raised here.
    """
    loader = DataLoader(
        _Batches(make),
        batch_size=None,
        sampler=plans,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_left_to_us,
    )
    for made in loader:
        if isinstance(made, AnimateXError):
            raise made
        yield made


class _Batches(Dataset[object]):
    def __init__(self, make: Callable[[BatchPlan], object]) -> None:
        self.make = make

    def __getitem__(self, plan: BatchPlan) -> object:
        # The loader would put a traceback into the sentence.
        try:
            return self.make(plan)
        except AnimateXError as error:
            return error


def _left_to_us(_worker: int) -> None:
    """Leave it to the training when to end: an interrupted terminal tells every process of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
