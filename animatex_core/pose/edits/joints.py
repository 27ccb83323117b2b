"""Names of all points of a person, which edits refer to."""

from collections.abc import Iterable

import numpy as np

from ..keypoints import BODY_JOINTS, FACE_POINTS, HAND_POINTS, POINTS

POINT_NAMES = (
    *BODY_JOINTS,
    *(f"left_hand_{number}" for number in range(HAND_POINTS)),
    *(f"right_hand_{number}" for number in range(HAND_POINTS)),
    *(f"face_{number}" for number in range(FACE_POINTS)),
)
POINT_INDEX = {name: index for index, name in enumerate(POINT_NAMES)}
ARM, LEG = ("shoulder", "elbow", "wrist", "hand"), ("hip", "knee", "ankle", "toe")
HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "face")
SIDES = ("left_", "right_")


def _starting_with(*prefixes: str) -> tuple[int, ...]:
    return tuple(index for index, name in enumerate(POINT_NAMES) if name.startswith(prefixes))


def _of_sides(parts: Iterable[str]) -> tuple[int, ...]:
    return _starting_with(*(f"{side}{part}" for side in SIDES for part in parts))


GROUPS: dict[str, tuple[int, ...]] = {
    "all": tuple(range(POINTS)),
    "body": tuple(range(len(BODY_JOINTS))),
    "left_hand": _starting_with("left_hand_"),
    "right_hand": _starting_with("right_hand_"),
    "face": _starting_with("face_"),
    "arms": _of_sides(ARM),
    "legs": _of_sides(LEG),
    "head": _starting_with(*HEAD),
}
"""Indices of the points of a group, by its name."""


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_", 1)
    return name.replace("right_", "left_", 1) if name.startswith("right_") else name


OTHER_SIDE = np.array([POINT_INDEX[_other_side(name)] for name in POINT_NAMES])
"""(130,) index of the same point on the other side of the body; points in the middle and the face stay."""
