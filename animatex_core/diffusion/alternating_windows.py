"""Windows that move by half their length from step to step, instead of overlapping in every step.

Frames that two windows separate in one step are in the same window in the next, which brings them together
again. Sonic (Ji et al. 2025, time-aware position shift fusion) moves its windows in this way. Long videos
need fewer windows than with an overlap, but at least two steps.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput
from .long_clips import Span, check_windows
from .schedule import Timesteps
from .solvers import Denoiser

Layout = tuple[Span, ...]
"""The windows of a step."""


def alternating_windows(frames: int, size: int) -> tuple[Layout, ...]:
    """Cover a video with windows side by side, and again half a window later.

    Args:
        frames: Length of the video, 1 or more.
        size: Frames per window, 2 or more. Windows that would begin before the video or end after it are
            shifted back into it, where they overlap their neighbours.

    Returns:
        The layouts of even and of odd steps. A single one for a video no longer than a window, and for one of
        which two windows share a quarter in any case, so that nothing needs to move.

    Raises:
        InvalidInput: An argument is out of range.

    """
    _check_size(frames, size)
    if size >= frames:
        return ((Span(0, frames),),)
    if frames <= 2 * size - max(1, size // 4):
        return (_side_by_side(frames, size, 0),)
    return tuple(_side_by_side(frames, size, first) for first in (0, size // 2 - size))


def _side_by_side(frames: int, size: int, first: int) -> Layout:
    starts = (max(0, min(start, frames - size)) for start in range(first, frames, size))
    return tuple(Span(start, start + size) for start in dict.fromkeys(starts))


def closed_alternating_windows(frames: int, size: int) -> tuple[Layout, ...]:
    """Cover a loop with windows of equal distance on a circle, and again half a distance later.

    Args:
        frames: Length of the video, 2 or more.
        size: Frames per window, 2 or more. A longer window than the video is as long as the video.

    Returns:
        The layouts of even and of odd steps. Frame numbers from `frames` on mean the first frames again.

    Raises:
        InvalidInput: An argument is out of range.

    """
    _check_size(frames, size)
    if frames < 2:
        raise InvalidInput("The video has 1 frame, but a loop has at least 2: use more frames.")
    size = min(size, frames)
    count = math.ceil(frames / size)
    starts = [step * frames // (2 * count) for step in range(2 * count)]
    return tuple(tuple(Span(start, start + size) for start in starts[parity::2]) for parity in (0, 1))


def _check_size(frames: int, size: int) -> None:
    check_windows(frames, size, 0)
    if size < 2:
        raise InvalidInput(
            "The windows have 1 frame, but windows that move by half have at least 2: use 2 or more."
        )


def alternate(denoisers: Sequence[Denoiser], timesteps: Timesteps) -> Denoiser:
    """Take turns among denoisers of the whole video, one for each layout.

    Args:
        denoisers: For the steps 0, n, 2n..., then 1, n + 1, 2n + 1..., where n is their number.
        timesteps: Those of the solver. A denoiser that is called between two of them takes the nearer one.

    Returns:
        A denoiser that depends on the timestep alone, so that repeated calls agree.

    """
    if len(denoisers) == 1:
        return denoisers[0]
    visited = torch.tensor(timesteps.visited)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        return denoisers[nearest_step(visited, t[0].item()) % len(denoisers)](x, t)

    return denoise


def nearest_step(places: Tensor, place: float) -> int:
    """Return which of the steps at these timesteps or sigmas is nearest to a timestep or sigma."""
    return int((places - place).abs().argmin())
