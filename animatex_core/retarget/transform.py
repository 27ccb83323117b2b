"""Transformations of poses: new bone lengths with the same motion, and shifts onto a ground line."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..pose.keypoints import JOINT, seen
from .bones import BONES_OF, KIND, PROPORTION, ROOT, TREE, ancestors

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


def transform_points(points: np.ndarray, motion: Similarity) -> np.ndarray:
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
    result = transform_points(points, motion)
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
    """Return the mean ratio of the bones between a point and an ancestor, weighted by human proportions.

    Args:
        point: Index of the point.
        above: Index of the ancestor in the tree of bones.
        ratios: Ratio of each kind of bone, (kinds,).

    """
    kinds, weights = _path(point, above)
    return float((ratios[kinds] * weights).sum() / weights.sum())


@cache
def _path(point: int, above: int) -> tuple[list[int], np.ndarray]:
    path = (point, *ancestors(point))
    kinds = [KIND[BONES_OF[each].kind] for each in path[: path.index(above)]]
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


def visible_feet(*bodies: np.ndarray) -> list[int]:
    """Return those of FEET that each of these bodies (f, 130, 3) shows in some frame.

    Toes are lower than ankles, so only joints that all bodies show can be compared.
    """
    return [foot for foot in FEET if all(seen(points[:, foot]).any() for points in bodies)]


def ground_line(points: np.ndarray, feet: Sequence[int]) -> float:
    """Return the y on which the given feet, each visible in some frame of points (f, 130, 3), stand."""
    lowest = _lowest(points, feet, seen(points))
    return float(np.quantile(lowest[np.isfinite(lowest)], ABOVE))


def move_to_ground(
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
    shifted = result.copy()
    shifted[..., 1] += np.interp(time, time[known], shift)[:, None]
    return shifted


def _lowest(points: np.ndarray, feet: Sequence[int], shown: np.ndarray) -> np.ndarray:
    return np.where(shown[:, feet], points[:, feet, 1], -np.inf).max(axis=1)
