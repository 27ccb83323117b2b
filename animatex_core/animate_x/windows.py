"""How a long video is split: in windows that share every step, or in segments one after another."""

from dataclasses import dataclass, replace
from typing import get_args

from ..diffusion.alternating_windows import Layout, alternating_windows, closed_alternating_windows
from ..diffusion.closed_windows import closed_windows
from ..diffusion.long_clips import WindowWeights, overlapping_windows
from ..errors import InvalidInput, warn
from ..utils.validation import require_int


@dataclass(frozen=True)
class Windows:
    """Overlapping windows that are blended at every step, in constant memory.

    Args:
        size: Frames per window. A video no longer than this is sampled at once.
        overlap: Frames that neighbouring windows share at least.
        weights: How windows are blended, as in `long_clips.window_weights`.
        closed: Whether the video is a loop, whose last frame leads into its first, see `closed_windows`.

    Raises:
        InvalidInput: A value is out of range.

    """

    size: int = 32
    overlap: int = 8
    weights: WindowWeights = "smooth"
    closed: bool = False

    def __post_init__(self) -> None:
        require_int("window size", self.size)
        require_int("overlap", self.overlap, least=0)
        if self.overlap >= self.size:
            raise InvalidInput(
                f"windows of {self.size} frames overlap by {self.overlap}: use a smaller overlap."
            )
        _check_weights(self.weights)

    def spans(self, frames: int) -> Layout:
        """Return the windows of a video; in a loop, frame numbers from its length on begin again."""
        cover = closed_windows if self.closed else overlapping_windows
        return cover(frames, self.size, self.overlap)

    def layouts(self, frames: int) -> tuple[Layout, ...]:
        """Return the windows of all steps, which are the same."""
        return (self.spans(frames),)


@dataclass(frozen=True)
class AlternatingWindows:
    """Windows side by side, which move by half their length from step to step.

    The memory of the device does not depend on the length of the video. The conditions of the windows of both
    kinds of steps wait in main memory.

    Args:
        size: Frames per window. A video no longer than this is sampled at once.
        weights: How windows are blended where two overlap to stay within the video.
        closed: Whether the video is a loop, see `closed_alternating_windows`.

    Raises:
        InvalidInput: A value is out of range.

    """

    size: int = 32
    weights: WindowWeights = "smooth"
    closed: bool = False

    def __post_init__(self) -> None:
        require_int("window size", self.size, least=2)
        _check_weights(self.weights)

    def layouts(self, frames: int) -> tuple[Layout, ...]:
        """Return the windows of even and of odd steps; a single layout where they are the same."""
        cover = closed_alternating_windows if self.closed else alternating_windows
        return cover(frames, self.size)


@dataclass(frozen=True)
class Segments:
    """Segments of `size` frames, sampled in turn, each continuing from the last frame of the one before."""

    size: int = 32

    def __post_init__(self) -> None:
        require_int("segment size", self.size, least=2)


WindowPlan = Windows | AlternatingWindows
LongClip = WindowPlan | Segments

ALL_FRAMES = 2**31
"""A window size that no video exceeds."""


def close_windows(plan: LongClip | None) -> WindowPlan:
    """Return the same windows for a video that is a loop; without any, windows of all frames.

    Raises:
        InvalidInput: Segments are sampled in turn, so that the first cannot follow the last.

    """
    if isinstance(plan, Segments):
        raise InvalidInput(
            "A loop cannot be sampled in segments, since the first is finished before the last: use windows."
        )
    return Windows(ALL_FRAMES, 0, closed=True) if plan is None else replace(plan, closed=True)


def warn_of_windows(plan: LongClip | None, frames: int, ignores_noise: bool) -> None:
    """Warn of windows that alternate where the model, which ignores the noise, does not see earlier steps."""
    if ignores_noise and isinstance(plan, AlternatingWindows) and len(plan.layouts(frames)) > 1:
        warn(
            "This model does not see the result of earlier steps, so alternating windows meet without any "
            "transition: use windows that overlap."
        )


def _check_weights(weights: str) -> None:
    if weights not in get_args(WindowWeights):
        raise InvalidInput(f"weights is {weights!r}: choose one of {', '.join(get_args(WindowWeights))}.")
