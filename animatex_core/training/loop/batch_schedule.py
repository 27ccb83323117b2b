"""The batches of every step, from seeded random generators, made ahead in worker processes."""

import enum
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ...errors import AnimateXError
from .config import BatchKind, RunConfig


class Stream(enum.IntEnum):
    """Purposes of random numbers. Each has its own stream."""

    WEIGHTS = 0
    ORDER = 1
    KIND = 2
    SAMPLE = 3
    STEP = 4
    PREVIEW = 5
    TRANSFORMER = 6


def generator(seed: int, stream: Stream, *counts: int) -> np.random.Generator:
    """Return the NumPy generator of a stream, for example of one sample."""
    return np.random.default_rng([seed, stream, *counts])


def seed_torch(seed: int, stream: Stream, *counts: int) -> None:
    """Seed torch's global generator, which dropout uses, from a stream."""
    words = np.random.SeedSequence([seed, stream, *counts]).generate_state(1, np.uint64)
    torch.manual_seed(int(words[0]))


@dataclass(frozen=True)
class Position:
    """Progress of a training: optimizer steps done, and clips seen by all processes."""

    step: int = 0
    samples: int = 0


@dataclass(frozen=True)
class BatchPlan:
    """A batch of one process.

    Attributes:
        frames: Number of frames of each clip.
        numbers: Numbers of its samples within the whole training.
        task: Task of the batch, "" if there is only one.

    """

    frames: int
    numbers: tuple[int, ...]
    task: str = ""


def batch_kind(config: RunConfig, step: int) -> BatchKind:
    """Draw the kind of batch of a step according to the shares."""
    shares = np.array([kind.share for kind in config.batches])
    rng = generator(config.seed, Stream.KIND, step)
    return config.batches[rng.choice(len(shares), p=shares / shares.sum())]


def samples_per_step(config: RunConfig, step: int, processes: int) -> int:
    """Return the number of samples of all processes in a step.

    Args:
        config: Kinds of batches and accumulation.
        step: Number of the step, which decides the kind.
        processes: Number of processes.

    """
    return batch_kind(config, step).batch_size * config.accumulation * processes


def plan_batches(
    config: RunConfig, start: Position, process: int = 0, processes: int = 1
) -> Iterator[BatchPlan]:
    """Plan the batches of one process, from a position to the end of the training.

    Args:
        config: The training configuration.
        start: Where to start.
        process: Index of the process.
        processes: Number of processes.

    Yields:
        The batches, `config.accumulation` of them per step.

    """
    samples = start.samples
    for step in range(start.step, config.steps):
        kind = batch_kind(config, step)
        for turn in range(config.accumulation):
            first = samples + (turn * processes + process) * kind.batch_size
            numbers = tuple(range(first, first + kind.batch_size))
            yield BatchPlan(kind.frames, numbers, kind.task_name)
        samples += samples_per_step(config, step, processes)


def clip_index(number: int, clips: int, seed: int) -> int:
    """Return the index of a sample's clip. Every epoch has each clip once, in a new random order.

    Args:
        number: Number of the sample, from 0.
        clips: Number of clips.
        seed: Of the order.

    """
    epoch, place = divmod(number, clips)
    return int(_order(seed, epoch, clips)[place])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, clips: int) -> np.ndarray:
    return generator(seed, Stream.ORDER, epoch).permutation(clips)


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
