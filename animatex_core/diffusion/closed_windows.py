"""Windows of a video that is a loop: the last frame leads into the first.

Where windows are shorter than the video they lie on a circle, and the seam is inside a window, as any other
pair of neighbours is. A window of the whole video cannot do this: its first and last frame do not see each
other. Then two windows of the whole video are blended, the second of which begins in the middle, so that each
frame is mostly predicted by the window whose ends are far from it. That takes twice the time. Unlike a shift
between the steps, it also works in a single step.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput
from .long_clips import PROFILES, Span, WindowWeights, blend_windows, check_windows
from .solvers import Denoiser


def closed_windows(frames: int, size: int, overlap: int) -> tuple[Span, ...]:
    """Cover a loop with windows of equal distance on a circle.

    Args:
        frames: Length of the video, 2 or more.
        size: Frames per window. Longer windows than the video become two of its length.
        overlap: Minimum number of frames that neighbouring windows share, 0 <= overlap < size. Windows that
            are shorter than the video share at least 1, since otherwise none may hold the seam.

    Returns:
        The windows in order. Frame numbers from `frames` on mean the first frames again.

    Raises:
        InvalidInput: An argument is out of range.

    """
    check_windows(frames, size, overlap)
    if frames < 2:
        raise InvalidInput("The video has 1 frame, but a loop has at least 2: use more frames.")
    if size < 2:
        raise InvalidInput("The windows have 1 frame, but those of a loop hold 2 neighbours: use 2 or more.")
    size = min(size, frames)
    count = max(2, math.ceil(frames / (size - max(overlap, 1)))) if size < frames else 2
    starts = [index * frames // count for index in range(count)]
    return tuple(Span(start, start + size) for start in starts)


def blend_closed_windows(
    denoisers: Sequence[Denoiser], spans: Sequence[Span], frames: int, weights: WindowWeights = "smooth"
) -> Denoiser:
    """Blend one denoiser per window into one for the whole loop.

    Args:
        denoisers: One per span, each with the conditions of its frames.
        spans: Windows that cover the loop, as from `closed_windows`.
        frames: Length of the video.
        weights: As in `window_weights`.

    Returns:
        A denoiser of latents (b, c, f, h, w) of all frames.

    """
    places = [torch.arange(span.start, span.stop) % frames for span in spans]
    profile = PROFILES[weights](len(spans[0]))
    total = torch.zeros(frames, dtype=torch.float64)
    for each in places:
        total.index_add_(0, each, profile)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        assert x.shape[2] == frames
        blended = torch.zeros_like(x)
        for window, each in zip(denoisers, places, strict=True):
            scale = (profile / total[each]).to(x.dtype).to(x.device).view(1, 1, -1, 1, 1)
            at = each.to(x.device)
            blended.index_add_(2, at, (scale * window(x.index_select(2, at), t)).to(x.dtype))
        return blended

    return denoise


def blend_spans(
    denoisers: Sequence[Denoiser], spans: Sequence[Span], frames: int, weights: WindowWeights = "smooth"
) -> Denoiser:
    """Blend windows as from `closed_windows` or `overlapping_windows`, whichever the spans are of."""
    if spans[-1].stop > frames:
        return blend_closed_windows(denoisers, spans, frames, weights)
    return blend_windows(denoisers, spans, weights)
