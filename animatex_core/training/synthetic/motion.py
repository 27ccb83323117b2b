"""Motion independent of a body: bone directions over time, height above the ground and sway."""

from dataclasses import dataclass, replace

import numpy as np

from ...pose.keypoints import JOINT, PoseSequence, seen
from ...retarget.bones import BODY_BONES, BONES_OF, KIND, MIRROR, ROOT
from ...retarget.transform import FEET

CHILDREN = [child for _, child in BODY_BONES]
BONE_KINDS = np.array([KIND[BONES_OF[child].kind] for child in CHILDREN])
BONE_INDEX = {child: bone for bone, child in enumerate(CHILDREN)}
_MIRRORED = [BONE_INDEX[MIRROR.get(child, child)] for child in CHILDREN]
LOWER = [
    BONE_INDEX[JOINT[f"{side}_{name}"]]
    for side in ("right", "left")
    for name in ("hip", "knee", "ankle", "toe")
]
MAX_STRETCH = 1.05  # bone length relative to its usual one; longer bones are detection errors
GROUND = 0.8  # quantile of the lowest foot's y that is taken as the ground


@dataclass(frozen=True, eq=False)
class Motion:
    """f frames of motion, relative to the size of the body that performs it.

    Attributes:
        bones: (f, 19, 2), each bone of BODY_BONES as a vector, x right and y down. The length is 1 for a bone
            in the image plane and less for one that points towards or away from the camera.
        lift: (f,), height of the lowest foot above the ground, in statures.
        sway: (f,), offset of the neck to the right of its mean position, in statures.

    """

    bones: np.ndarray
    lift: np.ndarray
    sway: np.ndarray

    def __len__(self) -> int:
        return len(self.bones)

    def mirrored(self) -> "Motion":
        """Return the motion with left and right swapped."""
        return Motion(self.bones[:, _MIRRORED] * [-1, 1], self.lift, -self.sway)

    def at(self, times: np.ndarray) -> "Motion":
        """Return the motion at other times, in frames, linearly interpolated."""
        low = np.clip(np.floor(times).astype(int), 0, len(self) - 1)
        high, part = np.minimum(low + 1, len(self) - 1), times - low

        def between(values: np.ndarray) -> np.ndarray:
            weight = part.reshape(-1, *[1] * (values.ndim - 1))
            return values[low] * (1 - weight) + values[high] * weight

        return Motion(between(self.bones), between(self.lift), between(self.sway))

    def with_legs_of(self, other: "Motion") -> "Motion":
        """Return this upper body combined with the hips, legs, lift and sway of an equally long motion."""
        bones = self.bones.copy()
        bones[:, LOWER] = other.bones[:, LOWER]
        return replace(other, bones=bones)


def extract_motion(poses: PoseSequence, proportions: np.ndarray) -> Motion:
    """Extract the motion of a recorded dance.

    Joints that are missing in some frames are interpolated over time. Every joint of the body must be
    detected in at least one frame.

    Args:
        poses: Poses of f frames.
        proportions: (len(KINDS),), bone lengths of the dancer in statures.

    Returns:
        The motion of f frames.

    """
    places = _filled(poses.body) * [poses.width, poses.height]
    vectors = np.stack([places[:, child] - places[:, parent] for parent, child in BODY_BONES], axis=1)
    lengths = _lengths(np.linalg.norm(vectors, axis=2))
    bones = vectors / lengths[None, :, None]
    norms = np.linalg.norm(bones, axis=2, keepdims=True)
    bones *= np.minimum(1, MAX_STRETCH / np.maximum(norms, 1e-6))
    stature = float(np.sum(lengths) / np.sum(proportions[BONE_KINDS]))
    lowest = places[:, FEET, 1].max(axis=1)
    lift = np.maximum(0, np.quantile(lowest, GROUND) - lowest) / stature
    sway = (places[:, ROOT, 0] - places[:, ROOT, 0].mean()) / stature
    return Motion(bones, lift, sway)


def _filled(body: np.ndarray) -> np.ndarray:
    """(f, 20, 3) -> (f, 20, 2) without gaps; at the ends of the clip the nearest detection is repeated."""
    frames, there = np.arange(len(body)), seen(body)
    assert there.any(axis=0).all()
    columns = [
        np.interp(frames, frames[there[:, joint]], body[there[:, joint], joint, axis])
        for joint in range(body.shape[1])
        for axis in range(2)
    ]
    return np.stack(columns, axis=1).reshape(len(body), -1, 2)


def _lengths(norms: np.ndarray) -> np.ndarray:
    """(f, 19) projected lengths -> (19,) true ones, shared by bones of the same kind."""
    kinds = {kind: np.quantile(norms[:, kind == BONE_KINDS], 0.95) for kind in set(BONE_KINDS.tolist())}
    return np.array([kinds[kind] for kind in BONE_KINDS.tolist()])
