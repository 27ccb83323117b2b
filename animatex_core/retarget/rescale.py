"""Bones of other lengths on the same motion. Training samples from the same operation."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..pose.skeleton import JOINT, seen
from .bones import KIND, PROPORTION, ROOT, TREE, TWIGS_OF, ancestors

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


STAYING = Similarity(1.0, np.zeros(2), np.zeros(2))


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
    for joint in CORE:
        both = there[:, ROOT] & there[:, joint]
        if both.any():
            offset = np.median(places[both, ROOT] - places[both, joint], axis=0)
            total += np.where(there[:, joint, None], places[:, joint] + offset, 0.0)
            votes += there[:, joint]
    told = total / np.maximum(votes, 1.0)[:, None]
    return np.where(there[:, ROOT, None], places[:, ROOT], told), there[:, ROOT] | (votes > 0)
