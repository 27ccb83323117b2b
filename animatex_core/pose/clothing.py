"""The colors of a person's clothes, sampled along the skeleton, to distinguish people."""

import numpy as np

from .keypoints import JOINT, seen

_BETWEEN = (  # pairs of joints with something of the person all the way between them
    ("neck", "right_hip"),
    ("neck", "left_hip"),
    ("right_hip", "right_knee"),
    ("left_hip", "left_knee"),
    ("right_shoulder", "right_elbow"),
    ("left_shoulder", "left_elbow"),
    ("right_knee", "right_ankle"),
    ("left_knee", "left_ankle"),
)
ENDS = np.array([(JOINT[first], JOINT[second]) for first, second in _BETWEEN])
PARTS = np.array((0.3, 0.5, 0.7))  # of the way from the first joint to the second
PLACES = len(ENDS) * len(PARTS)


def sample_colors(frame: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the colors along the limbs and the trunk of each person.

    Args:
        frame: (h, w, 3) uint8, RGB.
        people: (n, 130, 3) as in `PoseSequence.points`.

    Returns:
        (n, PLACES, 3) in 0..1; NaN where a joint is not visible or the place lies outside the frame.

    """
    height, width = frame.shape[:2]
    joints, visible = people[:, ENDS], seen(people)[:, ENDS].all(axis=2)
    start, end = joints[:, :, None, 0, :2], joints[:, :, None, 1, :2]
    places = start + PARTS[:, None] * (end - start)
    pixels = np.floor(places.reshape(len(people), PLACES, 2) * (width, height))
    inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=2)
    known = inside & visible.repeat(len(PARTS), axis=1)
    x, y = np.where(known[..., None], pixels, 0).astype(int).transpose(2, 0, 1)
    return np.where(known[..., None], frame[y, x] / 255, np.nan)


def color_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return how different the colors (PLACES, 3) of two people are, 0..1; 0 if no place is known of both."""
    difference = np.abs(first - second).mean(axis=-1)
    known = np.isfinite(difference)
    return float(np.median(difference[known])) if known.any() else 0.0


def mixed(before: np.ndarray, now: np.ndarray, share: float) -> np.ndarray:
    """Return colors (PLACES, 3) updated by those of another frame, of which `share` is taken."""
    both = before + share * (now - before)
    return np.where(np.isfinite(both), both, np.where(np.isfinite(before), before, now))
