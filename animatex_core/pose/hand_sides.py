"""Left and right hands that a pose estimator confused, such as ComfyUI's SDPose Keypoint Extractor does."""

import warnings

import numpy as np

from ..errors import AnimateXWarning
from .skeleton import HANDS, JOINT, seen

WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])  # in the order of HANDS
CLEARLY = 0.5  # of the distance to a hand's own wrist, below which the other wrist is the right one


def with_hands_at_own_wrists(points: np.ndarray, size: tuple[int, int], source: str) -> np.ndarray:
    """Return points with left and right hand swapped if, over the clip, each is at the other side's wrist.

    Crossed or clasped hands in some frames do not count: the distances of all frames are compared. An
    AnimateXWarning says so if hands were swapped.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the picture in pixels.
        source: Name of the poses in the warning.

    Returns:
        The points (f, 130, 3), a copy if hands were swapped.

    """
    own, other = _distances(points, np.asarray(size))
    if not other < CLEARLY * own:
        return points
    warnings.warn(
        AnimateXWarning(
            f"The hands in {source} are at the wrists of the other side: left and right hand were swapped."
        ),
        stacklevel=4,
    )
    left, right = HANDS
    swapped = points.copy()
    swapped[:, left], swapped[:, right] = points[:, right], points[:, left]
    return swapped


def _distances(points: np.ndarray, size: np.ndarray) -> tuple[float, float]:
    """Return the summed distances in pixels from hands to their own wrists, and to the other ones."""
    wrists = points[:, WRISTS, :2] * size
    visible = seen(points[:, WRISTS, :]).all(axis=1)
    own = other = 0.0
    for side, hand in enumerate(HANDS):
        used = visible & seen(points[:, hand]).any(axis=1)
        places = _nearest(points[used][:, hand], wrists[used], size)
        own += float(places[:, side].sum())
        other += float(places[:, 1 - side].sum())
    return own, other


def _nearest(hands: np.ndarray, wrists: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the distance (n, 2) from the nearest seen point of hands (n, 21, 3) to both wrists (n, 2, 2)."""
    away = np.linalg.norm(hands[:, :, None, :2] * size - wrists[:, None], axis=-1)
    away[~seen(hands)] = np.inf
    return away.min(axis=1)
