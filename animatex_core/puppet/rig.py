"""Bones of every part in the reference and in the frames; missing ones follow their parent."""

from dataclasses import dataclass, replace

import numpy as np

from ..pose.keypoints import JOINT
from .skeleton import DOWN, LIMBS, SHORT, SIDES, Bone, Joints, normal

TORSO_SHAPE = 1.6  # torso length in shoulder widths if no hip is known
FACE_PAIRS = (("right_eye", "left_eye"), ("right_ear", "left_ear"))
CLOSE = 1.5  # distance of nose and neck, in eye distances, below which the face is on the torso
TILTED = 0.8  # maximum rotation of a head, in radians
GAZE = 0.6  # maximum shift of the face within the head, in eye distances
TURNED = 0.3  # eyes or ears closer than this fraction of their distance in the reference give no angle


@dataclass(frozen=True, eq=False)
class Rig:
    """Bones by part.

    Attributes:
        reference: Bones in the reference, with positions (2,) in pixels.
        frames: Bones in the frames, with positions (f, 2) in pixels.
        axes: Directions of each bone, (2,) in the reference and (f, 2) in the frames.
        eyes: Distance between the eyes in pixels, 0 if unknown.
        shift: How far the face has moved across the head, to the right of the reference's face, in pixels
            (f,); None if unknown.

    """

    reference: dict[str, Bone]
    frames: dict[str, Bone]
    axes: dict[str, tuple[np.ndarray, np.ndarray]]
    eyes: float = 0.0
    shift: np.ndarray | None = None

    @property
    def face_on_torso(self) -> bool:
        """Whether there is no separate head."""
        return "head" in self.reference and self.face_near(self.reference["head"].start)

    def face_near(self, nose: np.ndarray) -> bool:
        """Return whether a nose (2,) is so close to the neck that the face is on the torso."""
        away = np.linalg.norm(nose - self.reference["torso"].start)
        return bool(self.eyes >= SHORT and away < CLOSE * self.eyes)

    def carried(self, part: str, place: np.ndarray) -> np.ndarray:
        """Return where a position (2,) of the reference moves with a part: (f, 2)."""
        bone, moved = self.reference[part], self.frames[part]
        axis, turned = self.axes[part]
        along, across = (place - bone.start) @ axis, (place - bone.start) @ normal(axis)
        stretched = stretch(along, bone.length, moved.length)
        return moved.start + stretched[..., None] * turned + across * normal(turned)

    def add(self, part: str, bone: Bone, moved: Bone, otherwise: np.ndarray | None = None) -> None:
        """Add a part.

        Args:
            part: Its name.
            bone: In the reference.
            moved: In the frames.
            otherwise: Directions (f, 2) for frames in which the bone is too short.

        """
        axis = bone.axis()
        turned = moved.axis(axis if otherwise is None else otherwise)
        self.reference[part], self.frames[part], self.axes[part] = bone, moved, (axis, turned)


def stretch(along: np.ndarray, length: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Map positions along a bone to one of another length; nothing is stretched beyond its ends."""
    inside = np.clip(along, 0, length)
    return along - inside + inside * new / np.maximum(length, 1e-6)


def build_rig(joints: Joints) -> Rig:
    """Build the rig from joints, at least one of which moves."""
    rig = Rig({}, {}, {}, _eyes(joints))
    _add_torso(rig, joints)
    _add_head(rig, joints)
    for part, (top, end, parent) in LIMBS.items():
        if joints.there[JOINT[top]] and joints.there[JOINT[end]]:
            _add_limb(rig, joints, part, JOINT[top], JOINT[end], parent)
    return replace(rig, shift=_face_shift(joints, rig))


def _eyes(joints: Joints) -> float:
    pair = [JOINT["right_eye"], JOINT["left_eye"]]
    return float(np.linalg.norm(np.diff(joints.reference[pair], axis=0))) if joints.there[pair].all() else 0.0


def _add_limb(rig: Rig, joints: Joints, part: str, top: int, end: int, parent: str) -> None:
    parent = parent if parent in rig.reference else "torso"
    start, stop = joints.reference[top], joints.reference[end]
    moved_top = joints.frames[:, top] if joints.moving[top] else rig.carried(parent, start)
    if joints.moving[end]:
        moved_end = joints.frames[:, end]
    else:
        moved_end = moved_top + rig.carried(parent, stop) - rig.carried(parent, start)
    rig.add(part, Bone(start, stop), Bone(moved_top, moved_end))


def _add_torso(rig: Rig, joints: Joints) -> None:
    shift = _common_shift(joints)
    hips = [JOINT[f"{side}_hip"] for side in SIDES]
    start, moved_start = _middle(joints, [JOINT["neck"]])
    end, moved_end = _middle(joints, hips)
    if start is None and end is None:
        start = joints.reference[joints.moving].mean(axis=0)
        moved_start = start + shift
    if start is None:
        start, moved_start = end - _torso_vector(joints), moved_end - _torso_vector(joints)
    if end is None:
        end, moved_end = start + _torso_vector(joints), moved_start + _torso_vector(joints)
    rig.add("torso", Bone(start, end), Bone(moved_start, moved_end))


def _middle(joints: Joints, points: list[int]) -> tuple:
    """Return the mean of joints visible in reference and frames, in both; None if there are none."""
    known = [point for point in points if joints.moving[point]]
    if not known:
        return None, None
    return joints.reference[known].mean(axis=0), joints.frames[:, known].mean(axis=1)


def _common_shift(joints: Joints) -> np.ndarray:
    known = joints.moving
    return (joints.frames[:, known] - joints.reference[known]).mean(axis=1)


def _torso_vector(joints: Joints) -> np.ndarray:
    """Estimate the vector (2,) from neck to hips."""
    pair = [JOINT["right_shoulder"], JOINT["left_shoulder"]]
    if joints.there[pair].all():
        across = joints.reference[pair[1]] - joints.reference[pair[0]]
        down = normal(across)
        return TORSO_SHAPE * (down if down[1] > 0 else -down) + SHORT * DOWN
    extent = np.ptp(joints.reference[joints.there], axis=0).max()
    return max(float(extent) / 2, SHORT) * DOWN


def _add_head(rig: Rig, joints: Joints) -> None:
    """Add the head. It rotates about the nose with eyes, ears or neck, and keeps its size."""
    face = [JOINT[name] for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
    points = face[:1] if joints.moving[face[0]] else face[1:]
    start, moved = _middle(joints, points)
    if start is None:
        return
    angle = _head_angle(joints, rig, start, moved)
    torso = rig.axes["torso"]
    lean = _between(torso[0], torso[1])
    angle = lean + np.clip(_wrapped(angle - lean), -TILTED, TILTED)
    if rig.face_near(start):
        along = rig.carried("torso", start)
        moved = along + np.clip(moved - along, -rig.eyes / 2, rig.eyes / 2)
    up = -DOWN
    turned = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    rig.reference["head"], rig.frames["head"] = Bone(start, start), Bone(moved, moved)
    rig.axes["head"] = (up, turned)


def _head_angle(joints: Joints, rig: Rig, start: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return the rotation (f,) of the head relative to the reference, in radians, clockwise in the image."""
    torso, torso_moved = rig.reference["torso"], rig.frames["torso"]
    angle = _between(start - torso.start, moved - torso_moved.start)
    for right, left in reversed(FACE_PAIRS):
        pair = [JOINT[right], JOINT[left]]
        if joints.moving[pair].all():
            across = joints.reference[pair[1]] - joints.reference[pair[0]]
            others = joints.frames[:, pair[1]] - joints.frames[:, pair[0]]
            width = np.linalg.norm(others, axis=1)
            wide = (width > TURNED * np.linalg.norm(across)) & (width >= SHORT)
            turn = _between(across, others)
            turn = np.where(np.abs(turn) > np.pi / 2, _between(-across, others), turn)  # seen from behind
            angle = np.where(wide, turn, angle)
    return angle


def _face_shift(joints: Joints, rig: Rig) -> np.ndarray | None:
    """Return how far (f,) the eyes have moved across the head since the reference: they show its turn."""
    eyes, moved_eyes = _middle(joints, [JOINT["right_eye"], JOINT["left_eye"]])
    both = joints.moving[[JOINT["right_eye"], JOINT["left_eye"], JOINT["nose"]]].all()
    if "head" not in rig.reference or not both or rig.eyes < SHORT:
        return None
    axis, turned = rig.axes["head"]
    before = (eyes - rig.reference["head"].start) @ normal(axis)
    after = ((moved_eyes - rig.frames["head"].start) * normal(turned)).sum(axis=1)
    return np.clip(after - before, -GAZE * rig.eyes, GAZE * rig.eyes)


def _between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the angle (f,) from a vector (2,) to others (f, 2); 0 if either is too short."""
    dot = after @ before
    cross = before[0] * after[:, 1] - before[1] * after[:, 0]
    long = np.minimum(np.linalg.norm(after, axis=1), np.linalg.norm(before)) >= SHORT
    return np.where(long, np.arctan2(cross, dot), 0.0)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """Wrap angles to -pi to pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
