"""Which frames of a clip a training sample has, and which reference, as in the paper: a uniform stride."""

from collections.abc import Sequence

import numpy as np


def choose_indices(total: int, frames: int, max_stride: int, rng: np.random.Generator) -> range:
    """Choose `frames` of `total` frames at an equal stride of 1 to `max_stride`, as far as there is room."""
    assert 1 <= frames <= total
    room = (total - 1) // (frames - 1) if frames > 1 else 1
    stride = int(rng.integers(1, min(room, max_stride) + 1))
    span = (frames - 1) * stride + 1
    start = int(rng.integers(0, total - span + 1))
    return range(start, start + span, stride)


def choose_reference(frames: Sequence[int], chosen: range, rng: np.random.Generator) -> int:
    """Choose one of the references, which are these frames of the clip (-1: none of it).

    One that is no chosen frame is taken wherever there is one: a picture must not answer itself.
    """
    apart = [number for number, frame in enumerate(frames) if frame not in chosen]
    return int(rng.choice(apart or range(len(frames))))
