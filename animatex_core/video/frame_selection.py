"""Which frames of a driving clip are used. Pure arithmetic."""

import math
import warnings
from dataclasses import dataclass

from ..errors import AnimateXWarning, InvalidInput
from ..utils.validation import require_int


@dataclass(frozen=True)
class FrameChoice:
    """Frames used of a clip, one in `stride`, each standing for stride / clip_fps seconds of it.

    indices: ascending, from 0; clip_fps: frames per second of the clip that they are taken from.
    """

    indices: tuple[int, ...]
    stride: int
    clip_fps: float = 1.0

    @property
    def fps(self) -> float:
        """Chosen frames per second of the clip: written at this rate they move as fast as the clip."""
        return self.clip_fps / self.stride

    @property
    def start(self) -> float:
        """Where in the clip the first frame is shown, in seconds."""
        return self.indices[0] / self.clip_fps

    @property
    def duration(self) -> float:
        """How much of the clip the frames stand for, in seconds."""
        return len(self.indices) / self.fps

    def speed(self, fps: float) -> float:
        """Return how much faster than the clip its frames move when `fps` of them are shown a second."""
        return fps / self.fps


def choose_frames(
    total: int,
    *,
    frames: int | None = 32,
    stride: int = 2,
    start: float = 0.0,
    end: float | None = None,
    fps: float = 1.0,
) -> FrameChoice:
    """Choose `frames` frames, one in `stride`, from a clip of `total` frames.

    start, end: part of the clip to choose from, in seconds at `fps` (where fps is left at 1: frame numbers);
    the frame nearest to `end` is the first that is not used. frames None: the whole part at that stride.
    As released, a part too short for that takes the largest stride that it has room for,
    (length - 1) // (frames - 1) and at least 1. (The released expression says `length - 1 // (frames - 1)`,
    which chooses frames past the end and crashes; this is what it means.) Where even stride 1 gives fewer
    frames than asked, those are used. Either is said by an AnimateXWarning.
    Raises InvalidInput where a number cannot be or the part is empty.
    """
    require_int("stride", stride)
    first, stop = _part(total, start, end, fps)
    if frames is None:
        return FrameChoice(tuple(range(first, stop, stride)), stride, fps)
    require_int("frames", frames)
    room = stop - first
    used = stride if (frames - 1) * stride < room else max((room - 1) // (frames - 1), 1)
    indices = tuple(range(first, stop, used))[:frames]
    if len(indices) < frames:
        _warn(f"{frames} frames were asked for, but the clip has only {len(indices)} there: these are used.")
    elif used < stride:
        needed = (frames - 1) * stride + 1
        _warn(
            f"{frames} frames at stride {stride} need {needed} of the clip, but it has only {room} there: "
            f"stride {used} is used."
        )
    return FrameChoice(indices, used, fps)


def _part(total: int, start: float, end: float | None, fps: float) -> tuple[int, int]:
    """First frame of the part and the one after its last."""
    require_int("total", total)
    _require_seconds("fps", fps, above=True)
    _require_seconds("start", start)
    first, stop = round(min(start * fps, total)), total
    if first >= total:
        raise InvalidInput(
            f"start is {start:g}, but the clip ends at {total / fps:g}: take an earlier start."
        )
    if end is not None:
        _require_seconds("end", end)
        stop = round(min(end * fps, total))
        if stop <= first:
            raise InvalidInput(
                f"end is {end:g}, but start is {start:g}: no frame lies between, take a later end."
            )
    return first, stop


def _require_seconds(name: str, value: float, above: bool = False) -> None:
    if not math.isfinite(value) or value < 0 or (above and value == 0):
        raise InvalidInput(
            f"{name} is {value:g}, but it must be a number {'above' if above else 'of at least'} 0."
        )


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)
