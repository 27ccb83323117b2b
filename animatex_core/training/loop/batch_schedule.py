"""Which clips a step is made of, and the random states that follow from the seed and a count."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .config import BatchKind, RunConfig


class Stream(enum.IntEnum):
    """What is drawn; each has random numbers of its own."""

    WEIGHTS = 0
    ORDER = 1
    KIND = 2
    SAMPLE = 3
    STEP = 4
    PREVIEW = 5
    TRANSFORMER = 6


def generator(seed: int, stream: Stream, *counts: int) -> np.random.Generator:
    """Return numpy's generator for one thing to draw."""
    return np.random.default_rng([seed, stream, *counts])


def seed_torch(seed: int, stream: Stream, *counts: int) -> None:
    """Set torch's global random state, which dropout reads."""
    words = np.random.SeedSequence([seed, stream, *counts]).generate_state(1, np.uint64)
    torch.manual_seed(int(words[0]))


@dataclass(frozen=True)
class Position:
    """How far a training is. step: optimizer steps that are done; samples: clips that all processes saw."""

    step: int = 0
    samples: int = 0


@dataclass(frozen=True)
class BatchPlan:
    """A batch of one process.

    numbers: of its samples in the whole training. task: what its kind of batch is for; "" where all are for
    the same.
    """

    frames: int
    numbers: tuple[int, ...]
    task: str = ""


def kind_of(config: RunConfig, step: int) -> BatchKind:
    """Draw the kind of batch of a step, by the kinds' shares."""
    shares = np.array([kind.share for kind in config.batches])
    rng = generator(config.seed, Stream.KIND, step)
    return config.batches[rng.choice(len(shares), p=shares / shares.sum())]


def samples_of(config: RunConfig, step: int, processes: int) -> int:
    """Return how many samples all processes see in a step."""
    return kind_of(config, step).batch_size * config.accumulation * processes


def plan_batches(
    config: RunConfig, start: Position, process: int = 0, processes: int = 1
) -> Iterator[BatchPlan]:
    """Yield the batches of one process from a position to the end, `accumulation` of them a step."""
    samples = start.samples
    for step in range(start.step, config.steps):
        kind = kind_of(config, step)
        for turn in range(config.accumulation):
            first = samples + (turn * processes + process) * kind.batch_size
            numbers = tuple(range(first, first + kind.batch_size))
            yield BatchPlan(kind.frames, numbers, kind.task_name)
        samples += samples_of(config, step, processes)


def clip_of(number: int, clips: int, seed: int) -> int:
    """Return the clip of a sample: every clip once an epoch, in an order that each epoch draws anew."""
    epoch, place = divmod(number, clips)
    return int(_order(seed, epoch, clips)[place])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, clips: int) -> np.ndarray:
    return generator(seed, Stream.ORDER, epoch).permutation(clips)
