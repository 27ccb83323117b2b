"""The line on which the feet stand."""

from collections.abc import Sequence

import numpy as np

from ..pose.skeleton import JOINT, seen

FEET = tuple(JOINT[name] for name in ("right_ankle", "left_ankle", "right_toe", "left_toe"))
ABOVE = 0.8  # the part of the frames whose lowest foot is above the line, so that jumps do not raise it


def feet_of(*bodies: np.ndarray) -> list[int]:
    """Return those of FEET that each of these bodies (f, 130, 3) shows in some frame.

    Toes are lower than ankles: only what all show can be compared.
    """
    return [foot for foot in FEET if all(seen(points[:, foot]).any() for points in bodies)]


def ground_line(points: np.ndarray, feet: Sequence[int]) -> float:
    """Return the y of the ground that these feet, seen in some frame of points (f, 130, 3), stand on."""
    lowest = _lowest(points, feet, seen(points))
    return float(np.quantile(lowest[np.isfinite(lowest)], ABOVE))


def grounded(
    result: np.ndarray, driving: np.ndarray, feet: Sequence[int], scale: float, floor: float
) -> np.ndarray:
    """Shift each frame of `result` (f, 130, 3) up or down until its lowest foot is as high as the dancer's.

    Heights above the ground line of `driving`, of the same shape, count `scale` times above `floor`.
    Frames without any of the `feet` are shifted like those around them; some frame shows one.
    """
    shown = seen(driving)
    known = shown[:, feet].any(axis=1)
    height = ground_line(driving, feet) - _lowest(driving, feet, shown)[known]
    shift = floor - height * scale - _lowest(result, feet, shown)[known]
    time = np.arange(len(result))
    moved = result.copy()
    moved[..., 1] += np.interp(time, time[known], shift)[:, None]
    return moved


def _lowest(points: np.ndarray, feet: Sequence[int], shown: np.ndarray) -> np.ndarray:
    return np.where(shown[:, feet], points[:, feet, 1], -np.inf).max(axis=1)
