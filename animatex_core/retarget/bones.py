"""The body as a tree of bones: parents, bone kinds that share a length, and human proportions."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..pose.keypoints import BODY_POINTS, FACE, HANDS, JOINT, LEFT_HAND, RIGHT_HAND

# Bones of one kind share a scale ratio: left and right, all points of the hands, all points of the face.
# The values are lengths relative to body height, as measured between keypoints (Drillis and Contini's
# segments, adjusted to the dancers of the tests; the neck is the midpoint of the shoulders).
_KINDS = {
    "neck": 0.11,
    "shoulder": 0.085,
    "upper_arm": 0.15,
    "forearm": 0.14,
    "hand": 0.05,
    "torso": 0.275,
    "thigh": 0.245,
    "shin": 0.225,
    "foot": 0.06,
    "face": 0.02,
}
KINDS = tuple(_KINDS)
KIND = {name: index for index, name in enumerate(KINDS)}
PROPORTION = np.array(list(_KINDS.values()))

ROOT = JOINT["neck"]
SIDES = ("right", "left")
HAND = {"left": HANDS[LEFT_HAND].start, "right": HANDS[RIGHT_HAND].start}  # indices of the hands' roots
HAND_SIZE = HANDS[LEFT_HAND].stop - HANDS[LEFT_HAND].start
_LIMBS = (
    ("shoulder", "neck", "shoulder"),
    ("upper_arm", "shoulder", "elbow"),
    ("forearm", "elbow", "wrist"),
    ("torso", "neck", "hip"),
    ("thigh", "hip", "knee"),
    ("shin", "knee", "ankle"),
    ("foot", "ankle", "toe"),
    ("face", "nose", "eye"),
    ("face", "eye", "ear"),
)  # kind, upper joint and lower joint of a bone


@dataclass(frozen=True)
class SiblingBones:
    """Bones of one kind with the same parent.

    Attributes:
        kind: One of KINDS.
        parent: Index of the parent among the 130 points.
        points: Indices of the children.

    """

    kind: str
    parent: int
    points: tuple[int, ...]


def joint(side: str, name: str) -> int:
    """Return the index of a joint of one side, or of a joint without sides."""
    return JOINT[name] if name in JOINT else JOINT[f"{side}_{name}"]


def hand(side: str) -> range:
    """Return the indices of one hand's points."""
    return range(HAND[side], HAND[side] + HAND_SIZE)


def face() -> range:
    """Return the indices of the face's 68 points."""
    return range(FACE.start, FACE.stop)


def _tree() -> tuple[SiblingBones, ...]:
    limbs = [
        SiblingBones(kind, joint(side, top), (joint(side, end),))
        for kind, top, end in _LIMBS
        for side in SIDES
    ]
    wrists = [SiblingBones("hand", joint(side, "wrist"), (HAND[side],)) for side in SIDES]
    fingers = [SiblingBones("hand", HAND[side], tuple(hand(side))[1:]) for side in SIDES]
    head = [SiblingBones("neck", ROOT, (JOINT["nose"],)), SiblingBones("face", JOINT["nose"], tuple(face()))]
    return (*head, *limbs, *wrists, *fingers)


# Parents precede their children; the neck is the root.
TREE = _tree()
BONES_OF = {point: siblings for siblings in TREE for point in siblings.points}


@cache
def ancestors(point: int) -> tuple[int, ...]:
    """Return the ancestors of a point, from its parent to the neck."""
    if point == ROOT:
        return ()
    parent = BONES_OF[point].parent
    return (parent, *ancestors(parent))


def _mirror() -> dict[int, int]:
    names = {name for _, *ends in _LIMBS for name in ends}
    pairs = {joint("left", name): joint("right", name) for name in names}
    pairs |= dict(zip(hand("left"), hand("right"), strict=True))
    return pairs | {right: left for left, right in pairs.items()}


BODY_BONES = [
    (siblings.parent, siblings.points[0]) for siblings in TREE if max(siblings.points) < BODY_POINTS
]
# The same point on the other side; points without sides and of the face are not included.
MIRROR = _mirror()
