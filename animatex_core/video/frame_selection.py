"""Selection of the frames of a driving video. Pure arithmetic."""

import math
from dataclasses import dataclass

from ..errors import InvalidInput, warn
from ..utils.validation import require_int


@dataclass(frozen=True)
class FrameChoice:
    """Frames selected from a video, one in `stride`.

    Attributes:
        indices: Ascending, from 0.
        stride: The distance between them.
        clip_fps: The frame rate of the video.

    """

    indices: tuple[int, ...]
    stride: int
    clip_fps: float = 1.0

    @property
    def fps(self) -> float:
        """Selected frames per second of the video: played at this rate, they move at the original speed."""
        return self.clip_fps / self.stride

    @property
    def start(self) -> float:
        """When the first frame is shown, in seconds of the video."""
        return self.indices[0] / self.clip_fps

    @property
    def duration(self) -> float:
        """The part of the video that the frames represent, in seconds."""
        return len(self.indices) / self.fps

    def speed(self, fps: float) -> float:
        """Return the speed of the motion, relative to the video, if `fps` frames are shown per second."""
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
    """Select frames from a video.

    A part that is too short for `stride` gets the largest stride that fits, as in the official code:
    (length - 1) // (frames - 1), at least 1. (The official expression `length - 1 // (frames - 1)` selects
    frames past the end and crashes; this is what it means.) If even stride 1 gives too few frames, those are
    used. Both cases issue an AnimateXWarning.

    Args:
        total: The number of frames of the video.
        frames: How many to select; None: the whole part at that stride.
        stride: Select one frame in so many.
        start: Where the part begins, in seconds at `fps` (as a frame number if `fps` is 1).
        end: Where it ends, in the same unit; the nearest frame is the first not used. None: the end.
        fps: The frame rate of the video.

    Returns:
        The selection.

    Raises:
        InvalidInput: A number is out of range, or the part is empty.

    """
    require_int("stride", stride)
    first, stop = _part(total, start, end, fps)
    if frames is None:
        return FrameChoice(tuple(range(first, stop, stride)), stride, fps)
    require_int("frames", frames)
    length = stop - first
    used = stride if (frames - 1) * stride < length else max((length - 1) // (frames - 1), 1)
    indices = tuple(range(first, stop, used))[:frames]
    if len(indices) < frames:
        warn(f"{frames} frames were requested, but the video has only {len(indices)} there: these are used.")
    elif used < stride:
        needed = (frames - 1) * stride + 1
        warn(
            f"{frames} frames at stride {stride} need {needed} of the video, but it has only {length} there: "
            f"stride {used} is used."
        )
    return FrameChoice(indices, used, fps)


def _part(total: int, start: float, end: float | None, fps: float) -> tuple[int, int]:
    """Return the first frame of the part, and the one after its last."""
    require_int("total", total)
    _require_seconds("fps", fps, above=True)
    _require_seconds("start", start)
    first, stop = round(min(start * fps, total)), total
    if first >= total:
        raise InvalidInput(
            f"start is {start:g}, but the video ends at {total / fps:g}: use an earlier start."
        )
    if end is not None:
        _require_seconds("end", end)
        stop = round(min(end * fps, total))
        if stop <= first:
            raise InvalidInput(
                f"end is {end:g}, but start is {start:g}, so there is no frame between them: use a later end."
            )
    return first, stop


def _require_seconds(name: str, value: float, above: bool = False) -> None:
    if not math.isfinite(value) or value < 0 or (above and value == 0):
        raise InvalidInput(
            f"{name} is {value:g}, but it must be a number {'above' if above else 'of at least'} 0."
        )
