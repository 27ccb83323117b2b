"""From the bones of a recording to the points of a body in three dimensions: OpenPose's, with hands and head.

Most skeletons have no bones for nose, eyes and ears. They are placed in the frame of the head bone with human
proportions. The head is 0.13 statures high (Drillis and Contini, 1966: the chin at 0.87), and the eyes lie in
the middle of that height. In heights of the head, it is about 0.87 deep and 0.66 wide, and the eyes are 0.28
apart, as usual for adults. The head bone begins at the base of the skull, as high as the chin.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import BODY_JOINTS, HANDS, JOINT
from ..utils.progress import Progress, no_progress
from .bone_names import FINGER_JOINTS, SIDES
from .bones import Bones
from .kinematics import pose_at, rest_pose
from .skeleton import MotionCapture, Skeleton

POINTS = HANDS[1].stop  # body and hands, as in `PoseSequence.points`
HEAD = 0.13  # height of the head in statures
SEGMENTS = {"torso": 0.288, "thigh": 0.245, "shin": 0.246}  # statures (Drillis and Contini 1966)
NECK = 0.052  # from the shoulders to the chin in statures, where no bone of the head is known
# From the base of the skull, in heights of the head: to the left, up and forward.
FACE = {
    "nose": (0.0, 0.33, 0.58),
    "left_eye": (0.14, 0.47, 0.46), "right_eye": (-0.14, 0.47, 0.46),
    "left_ear": (0.33, 0.40, 0.02), "right_ear": (-0.33, 0.40, 0.02),
}  # fmt: skip
SKULL = (0.0, 0.5, 0.08)  # its centre, likewise
CHUNK = 1024  # frames posed at once
MIN_FINGERS = 10  # points of a hand; with fewer, it is not drawn
SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """f frames of a body in the world of the file.

    Attributes:
        points: (f, 62, 3): body, left hand, right hand; zeros where not `found`.
        found: (62,) bool, which points the skeleton has.
        placed: (62,) bool, points of the face that were placed in the frame of the head.
        head: (f, 3, 3), unit vectors as rows: the left, the top and the front of the head.
        skull: (f, 3), the centre of the head.
        root: (f, 3), the middle of the hips.
        stature: Height of the person when standing, estimated from torso and legs.

    """

    points: np.ndarray
    found: np.ndarray
    placed: np.ndarray
    head: np.ndarray
    skull: np.ndarray
    root: np.ndarray
    stature: float

    def __len__(self) -> int:
        return len(self.points)


def body_motion(
    capture: MotionCapture, times: np.ndarray, bones: Bones, progress: Progress = no_progress
) -> BodyMotion:
    """Compute the points of a body.

    Args:
        capture: The recording.
        times: (f,), in frames of the recording.
        bones: Its bones, from `find_bones`.
        progress: Called with the frames that are done and those there are.

    Raises:
        InvalidInput: All joints lie at one place.

    """
    sources = _sources(capture.skeleton, bones)
    points, turns = np.zeros((len(times), POINTS, 3)), np.zeros((len(times), 3, 3))
    base = np.zeros((len(times), 3))
    known = np.array(list(sources))
    joints, head = list(sources.values()), bones.get("head")
    for first in range(0, len(times), CHUNK):
        part = slice(first, first + CHUNK)
        world = pose_at(capture, times[part])
        points[part, known] = world.places[:, joints]
        if head is not None:
            turns[part], base[part] = world.rotations[:, head], world.places[:, head]
        progress(min(first + CHUNK, len(times)), len(times))
    found = np.zeros(POINTS, bool)
    found[known] = True
    return _with_head(capture.skeleton, bones, points, found, None if head is None else (turns, base))


def _sources(skeleton: Skeleton, bones: Bones) -> dict[int, int]:
    """Return the joint of the skeleton that each point takes its place from."""
    sources = {JOINT[name]: bones[name] for name in BODY_JOINTS if name in bones}
    for side in SIDES:
        ankle = bones.get(f"{side}_ankle")
        if f"{side}_toe" not in bones and ankle is not None and (end := _end_of(skeleton, ankle)) is not None:
            sources[JOINT[f"{side}_toe"]] = end
    for side, hand in zip(SIDES, HANDS, strict=True):
        fingers = _fingers(skeleton, bones, side)
        root = bones.get(f"{side}_hand_root", bones.get(f"{side}_wrist"))
        if len(fingers) >= MIN_FINGERS and root is not None:
            sources |= {hand.start: root, **{hand.start + point: joint for point, joint in fingers.items()}}
    return sources


def _fingers(skeleton: Skeleton, bones: Bones, side: str) -> dict[int, int]:
    """Return the joints of a hand's points, from 1; a tip without a bone is the End Site of the last bone."""
    found = {}
    for point, name in enumerate(FINGER_JOINTS, start=1):
        joint = bones.get(f"{side}_{name}")
        last = bones.get(f"{side}_{FINGER_JOINTS[point - 2]}")
        if joint is None and name.endswith("_4") and last is not None:
            joint = _end_of(skeleton, last)
        if joint is not None:
            found[point] = joint
    return found


def _end_of(skeleton: Skeleton, joint: int) -> int | None:
    """Return a joint's End Site, None without one that lies elsewhere."""
    for child in skeleton.children(joint):
        if not skeleton.names[child] and np.linalg.norm(skeleton.offsets[child]) > SMALL:
            return child
    return None


def _with_head(
    skeleton: Skeleton,
    bones: Bones,
    points: np.ndarray,
    found: np.ndarray,
    head: tuple[np.ndarray, np.ndarray] | None,
) -> BodyMotion:
    if "neck" not in bones:
        points[:, JOINT["neck"]] = _middle(points, "shoulder")
        found[JOINT["neck"]] = True
    stature = _stature(points, found)
    torso = axes(*_landmarks(points))
    rest = _rest_axes(skeleton, bones)
    turned, base = torso, points[:, JOINT["neck"]] + NECK * stature * torso[:, 1]
    if head is not None:
        base = head[1]
        turned = torso if rest is None else rest @ head[0].swapaxes(1, 2)
    unit, placed = HEAD * stature, np.zeros(POINTS, bool)
    for name, place in FACE.items():
        if name not in bones and not _has_face(bones):
            points[:, JOINT[name]] = base + unit * np.einsum("k,fkc->fc", place, turned)
            placed[JOINT[name]] = True
    skull = base + unit * np.einsum("k,fkc->fc", SKULL, turned)
    if "nose" in bones and head is None:
        skull = points[:, JOINT["nose"]]
    return BodyMotion(points, found | placed, placed, turned, skull, _middle(points, "hip"), stature)


def _has_face(bones: Bones) -> bool:
    """Whether the file has points of the face, so that those it lacks are not visible."""
    return any(name in bones for name in FACE)


def _middle(points: np.ndarray, name: str) -> np.ndarray:
    return (points[..., JOINT[f"left_{name}"], :] + points[..., JOINT[f"right_{name}"], :]) / 2


def _landmarks(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors (..., 3) from the right to the left of the body, and from its hips to its shoulders."""
    across = sum(
        points[..., JOINT[f"left_{name}"], :] - points[..., JOINT[f"right_{name}"], :]
        for name in ("shoulder", "hip")
    )
    return np.asarray(across), _middle(points, "shoulder") - _middle(points, "hip")


def axes(across: np.ndarray, upward: np.ndarray) -> np.ndarray:
    """Return unit vectors (..., 3, 3) as rows, to the left, up and forward, of a body.

    Args:
        across: (..., 3), from right to left.
        upward: (..., 3), roughly up.

    """
    up = _unit(upward)
    left = _unit(across - np.sum(across * up, axis=-1, keepdims=True) * up)
    return np.stack([left, up, np.cross(left, up)], axis=-2)


def _rest_axes(skeleton: Skeleton, bones: Bones) -> np.ndarray | None:
    """Return the axes of the body in the rest pose, None if that is no pose of a body."""
    rest = rest_pose(skeleton)
    points = np.zeros((POINTS, 3))
    for name in BODY_JOINTS:
        if name in bones:
            points[JOINT[name]] = rest[bones[name]]
    found = axes(*_landmarks(points))
    return found if abs(float(np.linalg.det(found)) - 1) < 1e-3 else None


def _stature(points: np.ndarray, found: np.ndarray) -> float:
    """Estimate the height of the person from the usual lengths of torso and legs."""
    lengths = {"torso": _length(_middle(points, "shoulder"), _middle(points, "hip"))}
    for kind, start, end in (("thigh", "hip", "knee"), ("shin", "knee", "ankle")):
        pairs = [(JOINT[f"{side}_{start}"], JOINT[f"{side}_{end}"]) for side in SIDES]
        known = [_length(points[:, a], points[:, b]) for a, b in pairs if found[a] and found[b]]
        if known:
            lengths[kind] = float(np.mean(known))
    stature = sum(lengths.values()) / sum(SEGMENTS[kind] for kind in lengths)
    if not stature > SMALL:
        raise InvalidInput(
            "All joints of the motion lie at one place: export it with the skeleton's offsets."
        )
    return stature


def _length(start: np.ndarray, end: np.ndarray) -> float:
    return float(np.median(np.linalg.norm(end - start, axis=-1)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), SMALL)
