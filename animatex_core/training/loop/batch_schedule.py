"""The batches of every step, and random generators that depend only on the seed and a count."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

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
    """Return the number of samples of all processes in a step."""
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
    """Return the index of a sample's clip. Every epoch has each clip once, in a new random order."""
    epoch, place = divmod(number, clips)
    return int(_order(seed, epoch, clips)[place])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, clips: int) -> np.ndarray:
    return generator(seed, Stream.ORDER, epoch).permutation(clips)
