"""Videos longer than the denoiser's window: blended overlapping windows, or segments sampled in turn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from ..errors import InvalidInput
from .schedule import NoiseSchedule
from .solvers import Denoiser

WindowWeights = Literal["uniform", "smooth"]


@dataclass(frozen=True)
class Span:
    """The frames start..stop - 1 of a video."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def of(self, x: Tensor) -> Tensor:
        """Return a view of these frames of x (b, c, f, ...)."""
        return x[:, :, self.start : self.stop]


def overlapping_windows(frames: int, size: int, overlap: int) -> tuple[Span, ...]:
    """Cover a video with windows that overlap.

    Args:
        frames: Length of the video, 1 or more.
        size: Frames per window. All windows have this size, which the model was trained on: the last one is
            shifted back to end with the video. A video no longer than a window is one span.
        overlap: Minimum number of frames that neighbouring windows share, 0 <= overlap < size.

    Returns:
        The windows in order.

    Raises:
        InvalidInput: An argument is out of range.

    """
    check_windows(frames, size, overlap)
    if size >= frames:
        return (Span(0, frames),)
    starts = [min(start, frames - size) for start in range(0, frames - overlap, size - overlap)]
    return tuple(Span(start, start + size) for start in starts)


def check_windows(frames: int, size: int, overlap: int) -> None:
    """Raise InvalidInput unless a video of this length can have such windows."""
    if frames < 1:
        raise InvalidInput(f"frames is {frames}, but a video has at least 1 frame: use 1 or more.")
    if not 0 <= overlap < size:
        raise InvalidInput(
            f"window size is {size} and overlap {overlap}, but it must be 0 <= overlap < size: "
            "use a larger window or another overlap."
        )


def chained_segments(frames: int, size: int) -> tuple[Span, ...]:
    """Cover a video with segments, each of which starts with the last frame of the one before.

    Args:
        frames: Length of the video, 1 or more.
        size: Frames per segment, 2 or more. As with windows, the last segment is shifted back to end with
            the video: it shares `spans[-2].stop - spans[-1].start` frames with the one before.

    Returns:
        The segments in order.

    Raises:
        InvalidInput: An argument is out of range.

    """
    if size < 2:
        raise InvalidInput(f"segment size is {size}, but one frame of it is repeated: use 2 or more.")
    return overlapping_windows(frames, size, overlap=1)


def _uniform(size: int) -> Tensor:
    return torch.ones(size, dtype=torch.float64)


def _raised_cosine(size: int) -> Tensor:
    """Hann window sampled at the centre of each frame, where it is never zero."""
    return ((torch.arange(size, dtype=torch.float64) + 0.5) * (torch.pi / size)).sin() ** 2


PROFILES: Mapping[WindowWeights, Callable[[int], Tensor]] = MappingProxyType(
    {"uniform": _uniform, "smooth": _raised_cosine}
)


def window_weights(spans: Sequence[Span], weights: WindowWeights = "smooth") -> Tensor:
    """Return the weight of each window in each frame.

    Args:
        spans: Windows that cover the video, as from `overlapping_windows`.
        weights: "uniform" averages all windows that contain the frame, as the official code does; "smooth"
            fades windows in and out by a raised cosine, so that there is no seam where one starts or ends.

    Returns:
        (windows, frames) float64: 0 outside a window, and summing to 1 over the windows.

    """
    shares = torch.zeros(len(spans), spans[-1].stop, dtype=torch.float64)
    for share, span in zip(shares, spans, strict=True):
        share[span.start : span.stop] = PROFILES[weights](len(span))
    return shares / shares.sum(0)


def blend_windows(
    denoisers: Sequence[Denoiser], spans: Sequence[Span], weights: WindowWeights = "smooth"
) -> Denoiser:
    """Blend one denoiser per window into one for the whole video (MultiDiffusion, Bar-Tal et al. 2023).

    They run one at a time, so memory does not grow with the length of the video.

    Args:
        denoisers: One per span, each with the conditions of its frames.
        spans: Windows that cover the video.
        weights: As in `window_weights`.

    Returns:
        A denoiser of latents (b, c, f, h, w) of all frames.

    """
    shares = window_weights(spans, weights)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        assert x.shape[2] == shares.shape[1]
        blended = torch.zeros_like(x)
        for window, span, share in zip(denoisers, spans, shares, strict=True):
            scale = span.of(share.to(x.dtype).to(x.device).view(1, 1, -1, 1, 1))
            span.of(blended).add_(scale * window(span.of(x), t))
        return blended

    return denoise


def sample_segments(spans: Sequence[Span], sample: Callable[[int, Tensor | None], Tensor]) -> Tensor:
    """Sample segments in turn and concatenate them.

    Args:
        spans: Segments, as from `chained_segments`.
        sample: (index of the span, clean latents of the frames that are already known, None for the first
            span) -> latents (b, c, f, h, w) of the span. Only its new frames are used.

    Returns:
        Latents (b, c, f, h, w) of the whole video.

    """
    video = sample(0, None)
    for index, span in enumerate(spans[1:], 1):
        known = video[:, :, span.start :]
        video = torch.cat([video, sample(index, known)[:, :, known.shape[2] :]], dim=2)
    return video


def with_known_frames(denoise: Denoiser, schedule: NoiseSchedule, known: Tensor) -> Denoiser:
    """Fix the first k frames of a video to known clean latents while the others are denoised.

    The prediction for these frames is replaced by the v that implies `known`, so every solver carries them
    there. Apply it outside guidance.

    Args:
        denoise: The denoiser of all frames.
        schedule: The schedule that its v refers to.
        known: Clean latents, (b, c, k, h, w).

    Returns:
        A denoiser of all frames.

    """
    frames = known.shape[2]

    def predict(x: Tensor, t: Tensor) -> Tensor:
        known_v = schedule.v_from_x0(x[:, :, :frames], known.to(x), t)
        return torch.cat([known_v, denoise(x, t)[:, :, frames:]], dim=2)

    return predict
