"""Left and right hands that a pose estimator confused, such as ComfyUI's SDPose Keypoint Extractor does."""

import warnings

import numpy as np

from ...errors import AnimateXWarning
from ..keypoints import HANDS, JOINT, seen

WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])  # in the order of HANDS
MIN_POINTS = 12  # of a hand; fewer say too little about where it is
AT_WRIST = 0.5  # of the distance between the wrists: a hand that begins within belongs to the wrist
CLEARLY = 0.5  # of the distance to one wrist, below which a point belongs to the other
MIN_SHARE = 0.9  # of the clear hands must be at the other wrist
ENOUGH = 0.1  # of all hands must be clear ones: the others are crossed or clasped


def with_hands_at_own_wrists(points: np.ndarray, size: tuple[int, int], source: str) -> np.ndarray:
    """Return points with left and right hand swapped if `are_hands_confused`; an AnimateXWarning says so.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the picture in pixels.
        source: Name of the poses in the warning.

    Returns:
        The points (f, 130, 3), a copy if hands were swapped.

    """
    if not are_hands_confused(points, size):
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


def are_hands_confused(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether hands lie at the wrists of the other side over the clip.

    A hand says so if it begins at the other wrist and all of its points are clearly nearer to that one.
    Crossed or clasped hands do not count.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the picture in pixels.

    """
    wrists = points[:, WRISTS, :2] * np.asarray(size)
    apart = np.linalg.norm(wrists[:, 0] - wrists[:, 1], axis=1)
    visible = seen(points[:, WRISTS, :]).all(axis=1)
    used, own, other = 0, 0, 0
    for side, hand in enumerate(HANDS):
        found = seen(points[:, hand])
        rows = visible & (found.sum(axis=1) >= MIN_POINTS)
        at_wrists = _at_wrists(points[rows, hand], wrists[rows], np.asarray(size), apart[rows])
        used += int(rows.sum())
        own += int(at_wrists[:, side].sum())
        other += int(at_wrists[:, 1 - side].sum())
    return other > 0 and other >= MIN_SHARE * (own + other) and other >= ENOUGH * used


def _at_wrists(hands: np.ndarray, wrists: np.ndarray, size: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Tell at which wrist hands (n, 21, 3) are: (n, 2) bool; at neither where it is not clear."""
    found = seen(hands)
    away = np.linalg.norm(hands[:, :, None, :2] * size - wrists[:, None], axis=-1)
    begins = np.where(found[..., None], away, np.inf).min(axis=1)
    begins = np.where(found[:, :1], away[:, 0], begins)  # the hand's root, where it is seen
    nearer = (away < CLEARLY * away[..., ::-1]) | ~found[..., None]
    return nearer.all(axis=1) & (begins <= AT_WRIST * apart[:, None])
