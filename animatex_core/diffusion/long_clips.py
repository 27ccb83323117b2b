"""Videos longer than the denoiser's window: overlapping windows, or segments chained by a frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from ..errors import InvalidInput
from .schedule import NoiseSchedule
from .solvers import Denoiser

Weights = Literal["uniform", "smooth"]


@dataclass(frozen=True)
class Span:
    """Frames start..stop - 1 of a clip."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def of(self, x: Tensor) -> Tensor:
        """View of these frames of x (b, c, f, ...)."""
        return x[:, :, self.start : self.stop]


def overlapping_windows(frames: int, size: int, overlap: int) -> tuple[Span, ...]:
    """Spans of `size` frames that cover a clip, each with `overlap` frames or more in common with the next.

    The last one is moved back to end with the clip, so that every window has the size the model knows; a clip
    no longer than a window is one span. Raises InvalidInput unless frames >= 1 and 0 <= overlap < size.
    """
    if frames < 1:
        raise InvalidInput(f"frames is {frames}, but a clip has at least 1 frame: ask for 1 or more.")
    if not 0 <= overlap < size:
        raise InvalidInput(
            f"window size is {size} and overlap {overlap}, but it must be 0 <= overlap < size: "
            "take a larger window or another overlap."
        )
    if size >= frames:
        return (Span(0, frames),)
    starts = [min(start, frames - size) for start in range(0, frames - overlap, size - overlap)]
    return tuple(Span(start, start + size) for start in starts)


def window_weights(spans: Sequence[Span], weights: Weights = "smooth") -> Tensor:
    """Share (windows, frames) of each window in each frame, float64: 0 outside it, and 1 in sum over windows.

    uniform: the plain mean of all windows that see the frame, as released.
    smooth: windows fade in and out by a raised cosine, so that no seam is left where one begins or ends.
    """
    shares = torch.zeros(len(spans), spans[-1].stop, dtype=torch.float64)
    for share, span in zip(shares, spans, strict=True):
        share[span.start : span.stop] = _PROFILES[weights](len(span))
    return shares / shares.sum(0)


def windowed(denoisers: Sequence[Denoiser], spans: Sequence[Span], weights: Weights = "smooth") -> Denoiser:
    """Blend one denoiser a span, each with the conditions of its frames, into one of the whole clip.

    They run one at a time, so that memory does not grow with the clip (MultiDiffusion, Bar-Tal et al. 2023).
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


def _uniform(size: int) -> Tensor:
    return torch.ones(size, dtype=torch.float64)


def _raised_cosine(size: int) -> Tensor:
    """Hann window sampled at the middles of the frames, where it is never zero."""
    return ((torch.arange(size, dtype=torch.float64) + 0.5) * (torch.pi / size)).sin() ** 2


_PROFILES: Mapping[Weights, Callable[[int], Tensor]] = MappingProxyType(
    {"uniform": _uniform, "smooth": _raised_cosine}
)


def chained_segments(frames: int, size: int) -> tuple[Span, ...]:
    """Spans of `size` frames over a clip of `frames`; the first frame of each is the last of the one before.

    Only the last one is moved back to end with the clip, since the model knows segments of one size: it has
    more frames in common with the one before, `spans[-2].stop - spans[-1].start` of them. A clip no longer
    than a segment is one span. Raises InvalidInput unless frames >= 1 and size >= 2.
    """
    if size < 2:
        raise InvalidInput(f"segment size is {size}, but it repeats a frame and adds others: take 2 or more.")
    return overlapping_windows(frames, size, overlap=1)


def sample_segments(spans: Sequence[Span], sample: Callable[[int, Tensor | None], Tensor]) -> Tensor:
    """Sample segments in turn and join them to a clip (b, c, f, h, w).

    sample: (index of the span, clean latents of the frames it has in common with what is there, None for the
    first) -> latents of the span, of which only the frames that are new are taken.
    """
    clip = sample(0, None)
    for index, span in enumerate(spans[1:], 1):
        known = clip[:, :, span.start :]
        clip = torch.cat([clip, sample(index, known)[:, :, known.shape[2] :]], dim=2)
    return clip


def with_known_frames(denoise: Denoiser, schedule: NoiseSchedule, known: Tensor) -> Denoiser:
    """Make the first k frames of the clip become the clean latents `known` (b, c, k, h, w).

    Whatever `denoise` answers for them is replaced by the v that implies `known`, so that every solver
    carries them there while the others are denoised beside them. It belongs around guidance.
    """
    frames = known.shape[2]

    def predict(x: Tensor, t: Tensor) -> Tensor:
        pinned_v = schedule.v_from_x0(x[:, :, :frames], known.to(x), t)
        return torch.cat([pinned_v, denoise(x, t)[:, :, frames:]], dim=2)

    return predict
