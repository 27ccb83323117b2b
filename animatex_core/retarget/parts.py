"""Body parts: drop those a character lacks, and add those the driving poses lack."""

import re
from collections.abc import Sequence

import numpy as np

from ..pose.keypoints import JOINT, VISIBLE, seen
from .bones import MIRROR, ROOT, SIDES, TREE, ancestors, face, hand, joint
from .measure import measure_lengths, stature

_JOINTS = {
    "arm": ("elbow", "wrist"),
    "leg": ("knee", "ankle", "toe"),
    "foot": ("toe",),
    "hand": (),
    "eye": ("eye",),
    "ear": ("ear",),
}
_PLURAL = {"arm": "arms", "leg": "legs", "foot": "feet", "hand": "hands", "eye": "eyes", "ear": "ears"}


def _of_side(side: str, part: str) -> tuple[int, ...]:
    fingers = tuple(hand(side)) if part in ("arm", "hand") else ()
    return (*(joint(side, name) for name in _JOINTS[part]), *fingers)


def _named() -> dict[str, tuple[int, ...]]:
    single = {f"{side}_{part}": _of_side(side, part) for part in _JOINTS for side in SIDES}
    both = {name: single[f"left_{part}"] + single[f"right_{part}"] for part, name in _PLURAL.items()}
    all_of_face = (*both["eyes"], *both["ears"], *face())
    return {"head": (JOINT["nose"], *all_of_face), "face": all_of_face, **both, **single}


# Indices of each part among the 130 points. Arms start below the shoulder and legs below the hip.
POINTS_OF = _named()
PARTS = tuple(POINTS_OF)


def parse_parts(text: str) -> tuple[str, ...]:
    """Parse a list of names: "Left arm, ears" becomes left_arm and ears. The names are not checked."""
    names = (name.strip() for name in re.split(r"[,;\n]", text.lower()))
    return tuple(re.sub(r"[\s-]+", "_", name) for name in names if name)


def drop_parts(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return points (f, 130, 3) in which these PARTS are missing: zeros with a score of 0."""
    gone = [point for name in names for point in POINTS_OF[name]]
    result = points.copy()
    result[:, gone] = 0.0
    return result


ADDED_SCORE = 0.5  # score of added points, above the visibility threshold
assert ADDED_SCORE > VISIBLE
ADDABLE = tuple(name for name in PARTS if "face" not in name)  # face points cannot be estimated

# Rest position of a joint relative to its parent, in body heights: down along the trunk, and outwards.
_RESTING = {
    "eye": (-0.02, 0.018),
    "ear": (0.01, 0.025),
    "shoulder": (0.0, 0.085),
    "elbow": (0.147, 0.03),
    "wrist": (0.14, 0.0),
    "hip": (0.27, 0.05),
    "knee": (0.245, 0.0),
    "ankle": (0.225, 0.0),
    "toe": (0.055, 0.025),
}
_REST = {
    joint(side, name): (down, out if side == "left" else -out)
    for name, (down, out) in _RESTING.items()
    for side in SIDES
} | {JOINT["nose"]: (-0.11, 0.0)}


def add_parts(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Add parts that are never visible.

    Points that no frame shows are mirrored from the other side at the line from neck to hips. If the other
    side is never visible either, arms and legs hang along that line in human proportions. Missing ancestors
    except the neck are added first. A point stays missing in frames without its parent, and so do hands of
    which neither is ever visible.

    Args:
        points: (f, 130, 3) in pixels.
        names: Names from ADDABLE.

    Returns:
        (f, 130, 3), in which added points have ADDED_SCORE.

    """
    result = points.copy()
    wanted = {point for name in names for point in POINTS_OF[name]}
    wanted |= {above for point in wanted for above in ancestors(point)}
    missing = wanted - set(np.flatnonzero(seen(points).any(axis=0)))
    height = stature(measure_lengths(points))
    if missing and height:
        trunk = _trunk(result, height)
        for siblings in TREE:
            for point in missing.intersection(siblings.points):
                _add(result, point, siblings.parent, trunk, height)
    return result


def _add(points: np.ndarray, point: int, parent: int, trunk: np.ndarray, height: float) -> None:
    other, above = MIRROR.get(point, point), MIRROR.get(parent, parent)
    shown = seen(points[:, other]) & seen(points[:, above])
    if shown.any():
        bone = _mirrored(_filled(points[:, other, :2] - points[:, above, :2], shown), trunk)
    elif point in _REST:
        down, left = _REST[point]
        across = np.stack([trunk[:, 1], -trunk[:, 0]], axis=-1)  # to the left of a person facing the viewer
        bone = (down * trunk + left * across) * height
    else:
        return
    there = seen(points[:, parent])
    points[there, point, :2] = (points[:, parent, :2] + bone)[there]
    points[there, point, 2] = ADDED_SCORE


def _trunk(points: np.ndarray, height: float) -> np.ndarray:
    """Return the unit vectors from neck to hips: (f, 2); downwards if unknown."""
    hips = [JOINT["right_hip"], JOINT["left_hip"]]
    there = seen(points[:, hips])
    middle = (points[:, hips, :2] * there[..., None]).sum(axis=1) / np.maximum(there.sum(axis=1), 1)[:, None]
    line = middle - points[:, ROOT, :2]
    known = seen(points[:, ROOT]) & there.any(axis=1) & (np.linalg.norm(line, axis=-1) > 0.05 * height)
    line = _filled(line, known) if known.any() else np.zeros_like(line)
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    return np.where(length > 0.01 * height, line / np.maximum(length, 0.01 * height), [0.0, 1.0])


def _filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Interpolate values (f, 2) over time where they are not known; at least one is."""
    time = np.arange(len(values))
    return np.stack([np.interp(time, time[known], column[known]) for column in values.T], axis=-1)


def _mirrored(bones: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return 2 * (bones * axis).sum(axis=-1, keepdims=True) * axis - bones
