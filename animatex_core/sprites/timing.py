"""Which frames of a video a sprite sheet keeps, and how long each is shown."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """The frames that are kept.

    Attributes:
        indices: Their numbers in the video.
        durations: How long each is shown, in whole milliseconds. The sum is the length of the video, rounded.
        fps: Their rate.

    """

    indices: tuple[int, ...]
    durations: tuple[int, ...]
    fps: float


def choose_timing(count: int, fps: float, rate: float) -> Timing:
    """Thin frames out to a rate.

    Args:
        count: Frames of the video.
        fps: Their rate.
        rate: Frames per second to keep; 0 or anything above `fps` keeps all.

    Returns:
        The frames, evenly spread, and their durations.

    """
    kept = fps if rate == 0 else min(rate, fps)
    total = max(1, round(count * kept / fps))
    indices = np.minimum(np.floor(np.arange(total) * count / total + 1e-9), count - 1).astype(int)
    ends = np.rint(np.linspace(0, count * 1000 / fps, total + 1)).astype(int)
    return Timing(tuple(indices.tolist()), tuple(np.diff(ends).tolist()), total * fps / count)
