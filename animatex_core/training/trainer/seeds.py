"""Random states that follow from the seed and a count alone, so that none has to be saved."""

import enum

import numpy as np
import torch


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
