"""Which frames of a clip belong to those of the truth, by their times, and whether its shape fits."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import InvalidInput

SAME_RATE = 0.01  # part by which rates may differ that are meant to be the same, such as 24 and 23.976
SHAPE_TOLERANCE = 0.02  # part by which width / height may differ
ROUNDING = 1e-6  # of a frame

Size = tuple[int, int]


def aligned_frames(path: Path, fps: float, there: int, truth_fps: float | None, count: int) -> list[int]:
    """Return which frame of a clip is shown when each frame of the truth is.

    Args:
        path: The clip, for messages.
        fps: Its frames per second.
        there: How many frames it has.
        truth_fps: Frames per second of the truth that are compared; None: frame k belongs to frame k.
        count: How many they are.

    Returns:
        Ascending indices, one for each frame of the truth.

    Raises:
        InvalidInput: The clip is too short, or has fewer frames a second than are compared.

    """
    ratio = 1.0 if truth_fps is None else fps / truth_fps
    if abs(ratio - 1) <= SAME_RATE:
        ratio = 1.0
    if ratio < 1:
        raise InvalidInput(
            f"{str(path)!r} has {fps:g} frames a second, but the truth is compared at {truth_fps:g}: write "
            "it at that rate, or compare fewer frames by a larger --stride."
        )
    indices = [int(number * ratio + 0.5 + ROUNDING) for number in range(count)]
    if indices[-1] >= there:
        rate = "" if ratio == 1 else f" ({indices[-1] + 1} at its {fps:g} frames a second)"
        raise InvalidInput(
            f"{str(path)!r} has {there} frames, but the true clip {count}{rate}: make it as long, or ask for "
            "fewer frames."
        )
    return indices


def check_shape(path: Path, size: Size, allowed: Sequence[Size]) -> None:
    """Raise InvalidInput unless a clip has the shape of one of the sizes, so that it is not squeezed."""
    aspect = size[0] / size[1]
    if all(abs(aspect * height / width - 1) > SHAPE_TOLERANCE for width, height in allowed):
        width, height = allowed[0]
        raise InvalidInput(
            f"{str(path)!r} has frames of {size[0]}x{size[1]} pixels, but the truth has {width}x{height}, "
            "which is another shape: cut the character's part out of it, or make the clip anew."
        )
