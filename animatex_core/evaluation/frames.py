"""The clips that are compared: what they must be, and their form for networks."""

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput


def check_frames(frames: np.ndarray) -> None:
    """Raise InvalidInput unless `frames` is a clip: (f, h, w, 3) uint8 in RGB order, at least one frame."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise InvalidInput(
            f"A clip to be measured is an array of {frames.dtype} with shape {frames.shape}, but it must be "
            "uint8 with shape (frames, height, width, 3) in RGB order: convert it first."
        )


def check_pair(generated: np.ndarray, real: np.ndarray, smallest: int = 1) -> None:
    """Raise InvalidInput unless both are clips of one size, with sides of at least `smallest`, and length."""
    check_frames(generated)
    check_frames(real)
    if generated.shape != real.shape:
        raise InvalidInput(
            f"The generated clip has shape {generated.shape} and the real one {real.shape}, but they are "
            "compared pixel by pixel: cut and resize one to the other."
        )
    height, width = real.shape[1:3]
    if min(height, width) < smallest:
        raise InvalidInput(
            f"The frames are {width} x {height} pixels, but this metric needs {smallest} x {smallest} or "
            "more: measure larger frames."
        )


def unit_frames(frames: np.ndarray) -> Tensor:
    """(f, h, w, 3) uint8 -> (f, 3, h, w) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
