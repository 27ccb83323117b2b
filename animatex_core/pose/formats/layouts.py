"""Keypoint layouts of other programs as data: which points they write, in which order.

Each layout maps its points to the 130 of `PoseSequence.points`. A layout without a neck gets one between the
shoulders, as in DWPose; a toe is the mean of the big and the small one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ..keypoints import BODY_JOINTS, BODY_POINTS, FACE, HANDS, JOINT, MODEL_JOINTS, POINTS

Toes = tuple[tuple[int, int], tuple[int, int]]  # big and small toe of the left foot, then of the right
NECK, SHOULDERS = JOINT["neck"], (JOINT["right_shoulder"], JOINT["left_shoulder"])
TOES = (JOINT["left_toe"], JOINT["right_toe"])
# Names in the order of the points, empty for those that are not used.
COCO_NAMES = (
    "nose,left_eye,right_eye,left_ear,right_ear,left_shoulder,right_shoulder,left_elbow,right_elbow,"
    "left_wrist,right_wrist,left_hip,right_hip,left_knee,right_knee,left_ankle,right_ankle"
)
H36M_NAMES = (
    ",right_hip,right_knee,right_ankle,left_hip,left_knee,left_ankle,,neck,nose,,"
    "left_shoulder,left_elbow,left_wrist,right_shoulder,right_elbow,right_wrist"
)
MEDIAPIPE_NAMES = (
    "nose,,left_eye,,,right_eye,,left_ear,right_ear,,,left_shoulder,right_shoulder,left_elbow,right_elbow,"
    "left_wrist,right_wrist,,,,,,,left_hip,right_hip,left_knee,right_knee,left_ankle,right_ankle,,,,"
)


@dataclass(frozen=True)
class Layout:
    """The points that a program writes for one person.

    Attributes:
        name: Name shown to users.
        count: Number of points.
        places: Maps indices of the 130 points of a person to indices of the layout.
        toes: Big and small toe of the left foot and of the right one; None if `places` includes the toes or
            there are none.
        has_neck: Whether a missing neck of `places` stays missing. Otherwise it is put between the shoulders.

    """

    name: str
    count: int
    places: Mapping[int, int] = field(repr=False)
    toes: Toes | None = None
    has_neck: bool = False

    def to_pose(self, points: np.ndarray) -> np.ndarray:
        """Convert points of this layout (count, 3) to a person's points (130, 3)."""
        pose = np.zeros((POINTS, 3))
        pose[list(self.places)] = points[list(self.places.values())]
        if not self.has_neck and not pose[NECK, 2] > 0:
            pose[NECK] = middle(*pose[SHOULDERS, :])
        if self.toes is not None:
            pose[TOES, :] = [middle(points[big], points[small]) for big, small in self.toes]
        return pose


def middle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the point (3,) between two others, with the lower score of both; zeros if one is missing."""
    score = min(a[2], b[2])
    return np.append((a[:2] + b[:2]) / 2, score) if score > 0 else np.zeros(3)


def _named(names: str) -> dict[int, int]:
    return {JOINT[name]: index for index, name in enumerate(names.split(",")) if name}


def _part(part: slice, start: int) -> dict[int, int]:
    return {place: start + index for index, place in enumerate(range(part.start, part.stop))}


def _hands_and_face(left: int, right: int, face: int) -> dict[int, int]:
    return _part(HANDS[0], left) | _part(HANDS[1], right) | _part(FACE, face)


def _hands_without_wrists(left: int, right: int) -> dict[int, int]:
    """Map hands of 20 points, whose root is the body's wrist."""
    fingers = [slice(hand.start + 1, hand.stop) for hand in HANDS]
    roots = {HANDS[0].start: COCO["left_wrist"], HANDS[1].start: COCO["right_wrist"]}
    return _part(fingers[0], left) | _part(fingers[1], right) | roots


COCO = {name: index for index, name in enumerate(COCO_NAMES.split(","))}
_COCO_BODY = _named(COCO_NAMES)
_OPENPOSE_BODY = {place: place for place in range(MODEL_JOINTS)}
_BODY_25 = {place: place if place < 8 else place + 1 for place in range(MODEL_JOINTS)}  # point 8 is mid-hip
_FEET_AFTER_18: Toes = ((18, 19), (21, 22))
_FEET_AFTER_19: Toes = ((19, 20), (22, 23))
_FEET_AFTER_17: Toes = ((17, 18), (20, 21))
_HALPE_FEET: Toes = ((20, 22), (21, 23))

OPENPOSE_18 = Layout("OpenPose's 18", 18, _OPENPOSE_BODY, has_neck=True)
LAYOUTS = (
    Layout("COCO-17", 17, _COCO_BODY),
    Layout("OpenPose's 18 without the last", 17, {place: place for place in range(17)}, has_neck=True),
    Layout("Human3.6M-17", 17, _named(H36M_NAMES)),
    OPENPOSE_18,
    Layout("OpenPose's 18 and toes", 20, {place: place for place in range(BODY_POINTS)}, has_neck=True),
    Layout("COCO-17 and feet", 23, _COCO_BODY, _FEET_AFTER_17),
    Layout("BODY_25", 25, _BODY_25, _FEET_AFTER_19, has_neck=True),
    Layout("BODY_25B", 25, _COCO_BODY, _FEET_AFTER_19),
    Layout("Halpe-26", 26, _COCO_BODY | {NECK: 18}, _HALPE_FEET),
    Layout(
        "MediaPipe's 33",
        33,
        _named(MEDIAPIPE_NAMES) | {TOES[0]: 31, TOES[1]: 32},
    ),
    Layout("COCO-WholeBody", 133, _COCO_BODY | _hands_and_face(91, 112, 23), _FEET_AFTER_17),
    Layout("DWPose's 134", 134, _OPENPOSE_BODY | _hands_and_face(92, 113, 24), _FEET_AFTER_18, has_neck=True),
    Layout("BODY_135", 135, _COCO_BODY | _hands_without_wrists(25, 45) | _part(FACE, 65), _FEET_AFTER_19),
    Layout("Halpe-136", 136, _COCO_BODY | {NECK: 18} | _hands_and_face(94, 115, 26), _HALPE_FEET),
)
COUNTS = tuple(sorted({layout.count for layout in LAYOUTS}))
WHOLE_BODIES = (133, 135, 136)  # some programs start these with OpenPose's points
CLEARLY_SHORTER = 0.6  # relative bone length from which a layout is preferred to the usual one of its count
BODY_SHARES = (0.04, 0.22)  # mean bone length relative to a body's extent; for random points it is twice that
MIN_BONES = 6  # complete bones of a body
_CHAINS = (
    "neck right_shoulder right_elbow right_wrist",
    "neck left_shoulder left_elbow left_wrist",
    "neck right_hip right_knee right_ankle",
    "neck left_hip left_knee left_ankle",
    "neck nose",
    "nose right_eye",
    "nose left_eye",
    "right_eye right_ear",
    "left_eye left_ear",
)
BONES = np.array([(JOINT[a], JOINT[b]) for chain in _CHAINS for a, b in pairwise(chain.split())])


def layouts_with_count(count: int) -> list[Layout]:
    """Return the layouts with this many points: the usual one first, OpenPose's 18 plus others last."""
    found = [layout for layout in LAYOUTS if layout.count == count]
    if count in WHOLE_BODIES:
        found.append(
            Layout(f"OpenPose's 18 before {count - 18} others", count, _OPENPOSE_BODY, has_neck=True)
        )
    return found


def best_layout(bodies: Sequence[np.ndarray]) -> Layout:
    """Return the layout in which bodies (count, 3) have the shortest bones, because wrong ones cross.

    Args:
        bodies: Points of some people in a file, all with a count that `layouts_with_count` knows.

    Returns:
        The usual layout for that count, or another one that fits clearly better.

    """
    candidates = layouts_with_count(len(bodies[0]))
    if len(candidates) == 1:
        return candidates[0]
    shares = [bone_share(np.stack([layout.to_pose(body) for body in bodies])) for layout in candidates]
    least, most = BODY_SHARES
    likely = [share if least < share < most else np.inf for share in shares]
    best = int(np.argmin(likely))
    return candidates[best if likely[best] < CLEARLY_SHORTER * shares[0] else 0]


def bone_share(poses: np.ndarray) -> float:
    """Return the mean bone length relative to the extent of bodies, infinity if there are too few bones.

    Args:
        poses: (n, 130, 3) points; missing ones have a score of 0.

    """
    body = poses[:, :MODEL_JOINTS]
    there = (body[..., 2] > 0) & (body[..., :2] != 0).any(axis=2)
    bones = body[:, BONES, :2]
    complete = there[:, BONES].all(axis=2)
    if complete.sum() < MIN_BONES * len(poses):
        return np.inf
    length = np.linalg.norm(bones[:, :, 0] - bones[:, :, 1], axis=2)[complete].mean()
    low = np.where(there[..., None], body[..., :2], np.inf).min(axis=1)
    high = np.where(there[..., None], body[..., :2], -np.inf).max(axis=1)
    extent = np.linalg.norm(high - low, axis=1)[there.any(axis=1)].mean()
    return float(length / extent) if extent > 0 else 0.0


def layout_from_names(names: Sequence[str]) -> Layout | None:
    """Return the layout of points with these names, as in COCO's categories; None if there are too few."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        found.setdefault(_plain(name), index)
    places = {place: found[_plain(name)] for name, place in JOINT.items() if _plain(name) in found}
    if not set(SHOULDERS) <= set(places):
        return None
    big, small = (
        [found.get(_plain(f"{side}_{size}_toe")) for side in ("left", "right")] for size in ("big", "small")
    )
    toes = None
    if not any(index is None for index in (*big, *small)):
        toes = (big[0], small[0]), (big[1], small[1])
    known = next((each for each in layouts_with_count(len(names)) if _agrees(each, places)), None)
    return known or Layout("named points", len(names), places, toes)  # type: ignore[arg-type]


def _agrees(layout: Layout, places: Mapping[int, int]) -> bool:
    return all(layout.places.get(place, index) == index for place, index in places.items())


def _plain(name: str) -> str:
    """Return a joint's name independent of its spelling."""
    letters = "".join(filter(str.isalnum, str(name))).lower()
    for side, short in (("left", "l"), ("right", "r")):
        rest = letters.replace(side, "") if side in letters else letters.removeprefix(short)
        if (side in letters or letters.startswith(short)) and rest in _SIDED:
            return side + rest
    return letters


_SIDED = {name.partition("_")[2] for name in BODY_JOINTS if "_" in name} | {"bigtoe", "smalltoe"}
