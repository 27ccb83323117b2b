"""Transformations of poses: other bone lengths on the same motion, one similarity for a whole video."""

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
    """A scale and a shift: `source` (2,) goes to `target` (2,), all else around it."""

    scale: float
    source: np.ndarray
    target: np.ndarray

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Move places (..., 2)."""
        return (places - self.source) * self.scale + self.target


IDENTITY = Similarity(1.0, np.zeros(2), np.zeros(2))


def moved(points: np.ndarray, motion: Similarity) -> np.ndarray:
    """Return points (f, n, 3) at other places, with the same scores."""
    return np.concatenate([motion(points[..., :2]), points[..., 2:]], axis=-1)


def rescale(points: np.ndarray, ratios: np.ndarray, motion: Similarity) -> np.ndarray:
    """Give the bones of points (f, 130, 3) other lengths, from the neck to the leaves.

    The neck follows `motion`. Each other point hangs from the nearest point above it that is seen in its
    frame, at the ratio (ratios: (len(KINDS),), by the kind of bone) times the vector between them, so that
    angles and foreshortening stay; where joints between are unseen, the ratios of the bones passed are
    averaged. What has nothing above it follows `motion`. Scores stay as they are.
    """
    result = moved(points, motion)
    root, known = estimated_root(points)
    result[..., ROOT, :2] = motion(root)
    there = seen(points)
    there[:, ROOT] = known
    source = points[..., :2].copy()
    source[:, ROOT] = root
    for twigs in TREE:
        children = slice(twigs.points[0], twigs.points[-1] + 1)  # they are neighbours: views, and no copies
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
    """Return the mean of the ratios between a point and one that it hangs from, weighed by human lengths."""
    kinds, weights = _path(point, above)
    return float((ratios[kinds] * weights).sum() / weights.sum())


@cache
def _path(point: int, above: int) -> tuple[list[int], np.ndarray]:
    path = (point, *ancestors(point))
    kinds = [KIND[TWIGS_OF[each].kind] for each in path[: path.index(above)]]
    return kinds, PROPORTION[kinds]


def estimated_root(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the neck's place (f, 2) and whether it is known (f,).

    In frames without a neck it is told by the shoulders and hips that are seen and their median offsets
    from the neck in the frames that show it: detectors lose the neck with a single shoulder, and the
    whole figure would jump with it.
    """
    places, there = points[..., :2], seen(points)
    total, votes = np.zeros((len(points), 2)), np.zeros(len(points))
    for index in CORE:
        both = there[:, ROOT] & there[:, index]
        if both.any():
            offset = np.median(places[both, ROOT] - places[both, index], axis=0)
            total += np.where(there[:, index, None], places[:, index] + offset, 0.0)
            votes += there[:, index]
    told = total / np.maximum(votes, 1.0)[:, None]
    return np.where(there[:, ROOT, None], places[:, ROOT], told), there[:, ROOT] | (votes > 0)


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


# How high joints are above the soles of a standing person, in statures; the first that is seen is asked.
HEIGHTS = {"knee": 0.285, "hip": 0.53, "neck": 0.805, "shoulder": 0.805, "nose": 0.915, "elbow": 0.66}
ANKLE = 0.05
LEGLESS = 0.5  # where the trunk of somebody without legs ends


def align_to_neck(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
    """Return the motion that takes the neck's median place to the reference's, all points (f, 130, 3).

    Where either never shows a neck it is `onto_joints`.
    """
    source, target = (median_places(points, [ROOT]) for points in (driving, reference))
    if not source or not target:
        return align_to_joints(driving, reference, scale)
    return Similarity(scale, source[ROOT], target[ROOT])


def align_to_joints(driving: np.ndarray, reference: np.ndarray, scale: float) -> Similarity:
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


def fit_to_box(driving: np.ndarray, box: np.ndarray, legless: bool = False) -> Similarity | None:
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
