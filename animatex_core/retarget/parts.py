"""Parts of the body by name, and dropping those that a character has not."""

import re
from collections.abc import Sequence

import numpy as np

from ..pose.skeleton import JOINT
from .bones import SIDES, face, hand, joint

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


# Which of the 130 points a part holds. Arms begin below the shoulder and legs below the hip.
POINTS_OF = _named()
PARTS = tuple(POINTS_OF)


def listed_parts(text: str) -> tuple[str, ...]:
    """Split names as people write them: "Left arm, ears" are left_arm and ears. They may be unknown."""
    names = (name.strip() for name in re.split(r"[,;\n]", text.lower()))
    return tuple(re.sub(r"[\s-]+", "_", name) for name in names if name)


def drop_parts(points: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return points (f, 130, 3) with these PARTS missing: zeros, score 0."""
    gone = [point for name in names for point in POINTS_OF[name]]
    result = points.copy()
    result[:, gone] = 0.0
    return result
