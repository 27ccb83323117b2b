"""Where and how large a whole dancer becomes: one similarity for the whole clip."""

from collections.abc import Sequence

import numpy as np

from ..pose.skeleton import BODY_POINTS, seen
from .bones import MIRROR, ROOT, SIDES, joint
from .ground import ABOVE, FEET
from .measure import lengths, stature
from .rescale import CORE, Similarity

# How high joints are above the soles of a standing person, in statures; the first that is seen is asked.
HEIGHTS = {"knee": 0.285, "hip": 0.53, "neck": 0.805, "shoulder": 0.805, "nose": 0.915, "elbow": 0.66}
ANKLE = 0.05
LEGLESS = 0.5  # where the trunk of somebody without legs ends


def onto_neck(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
    """Return the motion that takes the neck's median place to the reference's, all points (f, 130, 3).

    Where either never shows a neck it is `onto_joints`.
    """
    source, target = (median_places(points, [ROOT]) for points in (driving, reference))
    if not source or not target:
        return onto_joints(driving, reference, scale)
    return Similarity(scale, source[ROOT], target[ROOT])


def onto_joints(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
    """Return the motion that suits most joints that both show: the median of what each asks for.

    Where one shows only the left side and the other only the right, a joint is matched with its mirror.
    """
    source, target = (median_places(points, range(BODY_POINTS)) for points in (driving, reference))
    if not source.keys() & target.keys():
        target = {MIRROR.get(each, each): place for each, place in target.items()}
    common = sorted(source.keys() & target.keys())
    shifts = [target[each] - scale * source[each] for each in common]
    return Similarity(scale, np.zeros(2), np.median(shifts, axis=0))


def median_places(points: np.ndarray, joints: Sequence[int]) -> dict[int, np.ndarray]:
    """Return the median place (2,) of each joint over the frames that show it; others are left out."""
    shown = {each: seen(points[:, each]) for each in joints}
    return {each: np.median(points[there, each, :2], axis=0) for each, there in shown.items() if there.any()}


def into_box(driving: np.ndarray, box: np.ndarray, legless: bool = False) -> Similarity | None:
    """Return the motion that fits points (f, 130, 3) into a box (left, top, right, bottom), all in pixels.

    A standing dancer, from his soles to the top of his head, becomes as high as the box; his ground line
    becomes its bottom and the middle of his trunk, over the clip, its middle. What the clip does not show
    of him is told by human proportions, so that a portrait keeps its invisible legs inside. The box's width
    is not asked: in one much wider than tall (a crocodile) the dancer stands in the middle at the box's
    height, and in a narrow one his arms reach out of it. With `legless`, head and trunk alone fill the box.
    None where nothing that can be measured is seen.
    """
    height = stature(lengths(driving))
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
