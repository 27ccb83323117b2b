"""Long clips one piece after the other: each segment begins with the frame the one before ended with."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput
from .denoiser import Denoiser
from .schedule import NoiseSchedule
from .windows import Span, overlapping_windows


def chained_segments(frames: int, size: int) -> tuple[Span, ...]:
    """Spans of `size` frames over a clip of `frames`; the first frame of each is the last of the one before.

    Only the last one is moved back to end with the clip, since the model knows segments of one size: it has
    more frames in common with the one before, `spans[-2].stop - spans[-1].start` of them. A clip no longer
    than a segment is one span. Raises InvalidInput unless frames >= 1 and size >= 2.
    """
    if size < 2:
        raise InvalidInput(f"segment size is {size}, but it repeats a frame and adds others: take 2 or more.")
    return overlapping_windows(frames, size, overlap=1)


def chained(spans: Sequence[Span], sample: Callable[[int, Tensor | None], Tensor]) -> Tensor:
    """Sample segments in turn and join them to a clip (b, c, f, h, w).

    sample: (index of the span, clean latents of the frames it has in common with what is there, None for the
    first) -> latents of the span, of which only the frames that are new are taken.
    """
    clip = sample(0, None)
    for index, span in enumerate(spans[1:], 1):
        known = clip[:, :, span.start :]
        clip = torch.cat([clip, sample(index, known)[:, :, known.shape[2] :]], dim=2)
    return clip


def pinned(denoise: Denoiser, schedule: NoiseSchedule, known: Tensor) -> Denoiser:
    """Make the first k frames of the clip become the clean latents `known` (b, c, k, h, w).

    Whatever `denoise` answers for them is replaced by the v that implies `known`, so that every solver
    carries them there while the others are denoised beside them. It belongs around guidance.
    """
    frames = known.shape[2]

    def predict(x: Tensor, t: Tensor) -> Tensor:
        pinned_v = schedule.v_from_x0(x[:, :, :frames], known.to(x), t)
        return torch.cat([pinned_v, denoise(x, t)[:, :, frames:]], dim=2)

    return predict
