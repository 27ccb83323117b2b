"""Transformations of poses: new bone lengths with the same motion, and one similarity for a whole video."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..pose.keypoints import BODY_POINTS, JOINT, seen
from .bones import KIND, MIRROR, PROPORTION, ROOT, SIDES, TREE, TWIGS_OF, ancestors, joint
from .measure import lengths, stature

CORE = [JOINT[name] for name in ("right_shoulder", "left_shoulder", "right_hip", "left_hip")]


@dataclass(frozen=True, eq=False)
class Similarity:
    """A scale and a shift.

    Attributes:
        scale: The scale.
        source: (2,) a position.
        target: (2,) where that position goes.

    """

    scale: float
    source: np.ndarray
    target: np.ndarray

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Transform positions (..., 2)."""
        return (places - self.source) * self.scale + self.target


IDENTITY = Similarity(1.0, np.zeros(2), np.zeros(2))


def moved(points: np.ndarray, motion: Similarity) -> np.ndarray:
    """Transform the positions of points (f, n, 3) and keep their scores."""
    return np.concatenate([motion(points[..., :2]), points[..., 2:]], axis=-1)


def rescale(points: np.ndarray, ratios: np.ndarray, motion: Similarity) -> np.ndarray:
    """Change bone lengths, from the neck to the leaves of the tree.

    The neck follows `motion`. Each other point keeps its direction from the nearest visible ancestor, with
    the distance multiplied by the bone's ratio, so that angles and foreshortening stay. If ancestors in
    between are not visible, the ratios of the skipped bones are averaged. Points without a visible ancestor
    follow `motion`.

    Args:
        points: (f, 130, 3) in pixels.
        ratios: (len(KINDS),) by kind of bone.
        motion: Scale and shift of the whole body.

    Returns:
        (f, 130, 3) with the same scores.

    """
    result = moved(points, motion)
    root, known = estimated_root(points)
    result[..., ROOT, :2] = motion(root)
    there = seen(points)
    there[:, ROOT] = known
    source = points[..., :2].copy()
    source[:, ROOT] = root
    for siblings in TREE:
        children = slice(siblings.points[0], siblings.points[-1] + 1)  # contiguous, so these are views
        places, loose = result[:, children, :2], np.ones(len(points), bool)
        for above in ancestors(children.start):
            hangs = loose & there[:, above]
            if hangs.any():
                bone = source[:, children] - source[:, above, None]
                bone *= path_ratio(children.start, above, ratios)
                np.add(result[:, above, None, :2], bone, out=places, where=hangs[:, None, None])
            loose &= ~there[:, above]
            if not loose.any():
                break
    result[:, ROOT, :2] = motion(points[:, ROOT, :2])
    return result


def path_ratio(point: int, above: int, ratios: np.ndarray) -> float:
    """Return the mean ratio of the bones between a point and an ancestor, weighted by human proportions."""
    kinds, weights = _path(point, above)
    return float((ratios[kinds] * weights).sum() / weights.sum())


@cache
def _path(point: int, above: int) -> tuple[list[int], np.ndarray]:
    path = (point, *ancestors(point))
    kinds = [KIND[TWIGS_OF[each].kind] for each in path[: path.index(above)]]
    return kinds, PROPORTION[kinds]


def estimated_root(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the neck's position (f, 2) and whether it is known (f,).

    In frames without a neck it is derived from visible shoulders and hips, by their median offsets from the
    neck. Detectors lose the neck together with a single shoulder, and the whole figure would jump with it.
    """
    places, there = points[..., :2], seen(points)
    total, votes = np.zeros((len(points), 2)), np.zeros(len(points))
    for index in CORE:
        both = there[:, ROOT] & there[:, index]
        if both.any():
            offset = np.median(places[both, ROOT] - places[both, index], axis=0)
            total += np.where(there[:, index, None], places[:, index] + offset, 0.0)
            votes += there[:, index]
    estimated = total / np.maximum(votes, 1.0)[:, None]
    return np.where(there[:, ROOT, None], places[:, ROOT], estimated), there[:, ROOT] | (votes > 0)


FEET = tuple(JOINT[name] for name in ("right_ankle", "left_ankle", "right_toe", "left_toe"))
ABOVE = 0.8  # quantile of the lowest foot over the frames, so that jumps do not raise the ground line


def feet_of(*bodies: np.ndarray) -> list[int]:
    """Return those of FEET that each of these bodies (f, 130, 3) shows in some frame.

    Toes are lower than ankles, so only joints that all bodies show can be compared.
    """
    return [foot for foot in FEET if all(seen(points[:, foot]).any() for points in bodies)]


def ground_line(points: np.ndarray, feet: Sequence[int]) -> float:
    """Return the y on which the given feet, each visible in some frame of points (f, 130, 3), stand."""
    lowest = _lowest(points, feet, seen(points))
    return float(np.quantile(lowest[np.isfinite(lowest)], ABOVE))


def grounded(
    result: np.ndarray, driving: np.ndarray, feet: Sequence[int], scale: float, floor: float
) -> np.ndarray:
    """Shift each frame vertically until its lowest foot is as high above the ground as in the driving poses.

    Frames without any of the feet are shifted like their neighbours.

    Args:
        result: (f, 130, 3).
        driving: (f, 130, 3).
        feet: Indices of feet, of which some frame shows one.
        scale: Scale of heights above the ground line of `driving`.
        floor: y of the ground in `result`.

    Returns:
        (f, 130, 3).

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
