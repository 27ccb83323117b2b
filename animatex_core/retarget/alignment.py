"""Similarities that align a whole video with a character: by neck, by joints, or with a bounding box."""

from collections.abc import Sequence

import numpy as np

from ..pose.keypoints import BODY_POINTS, seen
from .bones import MIRROR, ROOT, SIDES, joint
from .measure import measure_lengths, stature
from .transform import ABOVE, CORE, FEET, Similarity

# Height of joints above the soles of a standing person, in body heights; the first visible one is used.
HEIGHTS = {"knee": 0.285, "hip": 0.53, "neck": 0.805, "shoulder": 0.805, "nose": 0.915, "elbow": 0.66}
ANKLE = 0.05
LEGLESS = 0.5  # likewise, height at which the trunk of a figure without legs ends


def align_to_neck(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
    """Return the similarity that moves the neck's median position to that of the reference.

    Without a visible neck in either, `align_to_joints` is used.

    Args:
        driving: (f, 130, 3).
        reference: (f, 130, 3).
        scale: The scale.

    """
    source, target = (median_places(points, [ROOT]) for points in (driving, reference))
    if not source or not target:
        return align_to_joints(driving, reference, scale)
    return Similarity(scale, source[ROOT], target[ROOT])


def align_to_joints(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
    """Return the similarity with the median shift of all joints that both show.

    If one shows only the left side and the other only the right one, joints are matched with their mirror
    images.

    Args:
        driving: (f, 130, 3).
        reference: (f, 130, 3).
        scale: The scale.

    """
    source, target = (median_places(points, range(BODY_POINTS)) for points in (driving, reference))
    if not source.keys() & target.keys():
        target = {MIRROR.get(each, each): place for each, place in target.items()}
    common = sorted(source.keys() & target.keys())
    shifts = [target[each] - scale * source[each] for each in common]
    return Similarity(scale, np.zeros(2), np.median(shifts, axis=0))


def median_places(points: np.ndarray, joints: Sequence[int]) -> dict[int, np.ndarray]:
    """Return the median position (2,) of each joint over the frames that show it; others are omitted."""
    shown = {each: seen(points[:, each]) for each in joints}
    return {each: np.median(points[there, each, :2], axis=0) for each, there in shown.items() if there.any()}


def fit_to_box(driving: np.ndarray, box: np.ndarray, legless: bool = False) -> Similarity | None:
    """Return the similarity that fits a standing person into a box.

    From soles to top of the head, the person becomes as high as the box. The ground line becomes its bottom,
    and the middle of the trunk over the video its horizontal centre. Parts that are never visible are
    estimated from human proportions, so that a portrait keeps its invisible legs inside. The width of the box
    is ignored: in a wide one (a crocodile) the person stands in the middle, and in a narrow one the arms
    extend beyond it.

    Args:
        driving: (f, 130, 3) in pixels.
        box: (4,) of left, top, right, bottom in pixels.
        legless: Fill the box with head and trunk only.

    Returns:
        The similarity, None if nothing measurable is visible.

    """
    height = stature(measure_lengths(driving))
    sole = _sole(driving, height)
    if not height or sole is None:
        return None
    left, top, right, bottom = box
    lowest = LEGLESS * height if legless else 0.0
    source = np.array([_middle(driving), sole - lowest])
    return Similarity((bottom - top) / (height - lowest), source, np.array([(left + right) / 2, bottom]))


def _sole(points: np.ndarray, height: float) -> float | None:
    shown = seen(points)
    below = np.array([ANKLE, ANKLE, 0.0, 0.0]) * height  # as in FEET
    feet = np.where(shown[:, FEET], points[:, FEET, 1] + below, -np.inf).max(axis=1)
    standing = feet[np.isfinite(feet)]
    if standing.size:
        return float(np.quantile(standing, ABOVE))
    for name, above in HEIGHTS.items():
        joints = sorted({joint(side, name) for side in SIDES})
        found = points[:, joints, 1][shown[:, joints]]
        if found.size:
            return float(np.median(found)) + above * height
    return None


def _middle(points: np.ndarray) -> float:
    shown = seen(points)
    trunk = [ROOT, *CORE]
    chosen = trunk if shown[:, trunk].any() else list(range(points.shape[1]))
    return float(np.median(points[:, chosen, 0][shown[:, chosen]]))
