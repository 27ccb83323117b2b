"""Detect and fix swapped left and right hands, as written by ComfyUI's SDPose Keypoint Extractor."""

import numpy as np

from ...errors import warn
from ..keypoints import HANDS, JOINT, seen

WRISTS = (JOINT["left_wrist"], JOINT["right_wrist"])  # in the order of HANDS
MIN_POINTS = 12  # visible points needed to locate a hand
AT_WRIST = 0.5  # a hand that starts within this fraction of the distance between the wrists is at the wrist
CLEARLY = 0.5  # a point belongs to a wrist if it is closer than this fraction of the distance to the other
MIN_SHARE = 0.9  # fraction of the unambiguous hands that must be at the other wrist
ENOUGH = 0.1  # fraction of all hands that must be unambiguous, neither crossed nor clasped


def swap_confused_hands(points: np.ndarray, size: tuple[int, int], source: str) -> np.ndarray:
    """Swap left and right hand if `are_hands_confused`, with an AnimateXWarning.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the image in pixels.
        source: Name of the poses in the warning.

    Returns:
        The points (f, 130, 3), a copy if hands were swapped.

    """
    if not are_hands_confused(points, size):
        return points
    warn(
        f"The hands in {source} were at the wrists of the other side: left and right hand were swapped.",
        stacklevel=4,
    )
    left, right = HANDS
    swapped = points.copy()
    swapped[:, left], swapped[:, right] = points[:, right], points[:, left]
    return swapped


def are_hands_confused(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether hands are at the wrists of the other side throughout the video.

    A hand counts if it starts at the other wrist and all of its points are clearly nearer to that one.
    Crossed or clasped hands do not count.

    Args:
        points: Points of one person (f, 130, 3), as in `PoseSequence.points`.
        size: Width and height of the image in pixels.

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
    """Return at which wrist hands (n, 21, 3) are: (n, 2) bool; at neither if ambiguous."""
    found = seen(hands)
    away = np.linalg.norm(hands[:, :, None, :2] * size - wrists[:, None], axis=-1)
    begins = np.where(found[..., None], away, np.inf).min(axis=1)
    begins = np.where(found[:, :1], away[:, 0], begins)  # the hand's root if it is visible
    nearer = (away < CLEARLY * away[..., ::-1]) | ~found[..., None]
    return nearer.all(axis=1) & (begins <= AT_WRIST * apart[:, None])
