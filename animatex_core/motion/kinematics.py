"""Forward kinematics: from the channels of a recording to the places of its joints.

Conventions, as in Blender's importer: the rotations of a joint apply in the order of its channels, from left
to right as matrices; a position channel replaces that coordinate of the joint's offset.
"""

from dataclasses import dataclass

import numpy as np

from .skeleton import AXES, NO_PARENT, POSITIONS, ROTATIONS, MotionCapture, Skeleton


@dataclass(frozen=True, eq=False)
class LocalPose:
    """Poses relative to the parents, for f frames and n joints.

    Attributes:
        rotations: (f, n, 4) unit quaternions (w, x, y, z).
        places: (f, n, 3) in the units of the file.

    """

    rotations: np.ndarray
    places: np.ndarray


@dataclass(frozen=True, eq=False)
class WorldPose:
    """Poses in the world of the file, for f frames and n joints.

    Attributes:
        places: (f, n, 3) in the units of the file.
        rotations: (f, n, 3, 3) matrices that turn vectors of the rest pose.

    """

    places: np.ndarray
    rotations: np.ndarray


def pose_at(capture: MotionCapture, times: np.ndarray) -> WorldPose:
    """Pose a recording at any times.

    Between two frames, rotations of joints are interpolated along the shortest arc at constant speed and
    position channels linearly, so that bones keep their length. Before the first frame and after the last
    one, these are repeated.

    Args:
        capture: The recording.
        times: (f,), in frames of the recording.

    """
    times = np.clip(times, 0, len(capture) - 1)
    low = np.floor(times).astype(int)
    weight = times - low
    before = local_pose(capture.skeleton, capture.values[low])
    if not weight.any():
        return to_world(capture.skeleton, before)
    after = local_pose(capture.skeleton, capture.values[np.minimum(low + 1, len(capture) - 1)])
    between = LocalPose(
        slerp(before.rotations, after.rotations, weight[:, None]),
        before.places + weight[:, None, None] * (after.places - before.places),
    )
    return to_world(capture.skeleton, between)


def rest_pose(skeleton: Skeleton) -> np.ndarray:
    """Return where the joints are without any rotation: (n, 3)."""
    rest = LocalPose(_identity(1, len(skeleton.names)), skeleton.offsets[None].copy())
    return to_world(skeleton, rest).places[0]


def local_pose(skeleton: Skeleton, values: np.ndarray) -> LocalPose:
    """Return the local poses that frames (f, channels) describe."""
    rotations = _identity(len(values), len(skeleton.names))
    places = np.repeat(skeleton.offsets[None], len(values), axis=0)
    for joint, (first, channels) in enumerate(zip(skeleton.columns, skeleton.channels, strict=True)):
        for column, channel in enumerate(channels, start=first):
            if channel in POSITIONS:
                places[:, joint, POSITIONS.index(channel)] = values[:, column]
            else:
                turn = _about(ROTATIONS.index(channel), np.radians(values[:, column]))
                rotations[:, joint] = multiply(rotations[:, joint], turn)
    return LocalPose(rotations, places)


def to_world(skeleton: Skeleton, local: LocalPose) -> WorldPose:
    """Apply the local poses along the skeleton, from the roots to the ends."""
    rotations, places = matrices(local.rotations), local.places.copy()
    for joint, parent in enumerate(skeleton.parents):
        if parent != NO_PARENT:
            turned = rotations[:, parent] @ places[:, joint, :, None]
            places[:, joint] = places[:, parent] + turned[..., 0]
            rotations[:, joint] = rotations[:, parent] @ rotations[:, joint]
    return WorldPose(places, rotations)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Multiply quaternions (..., 4)."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def slerp(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Interpolate unit quaternions (..., 4) along the shortest arc; weight (...) is 0 at a and 1 at b."""
    cosine = np.sum(a * b, axis=-1)
    b = np.where(cosine[..., None] < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.sin(angle)
    small = sine < 1e-6  # there, linear interpolation is exact to machine precision
    safe = np.where(small, 1, sine)
    first = np.where(small, 1 - weight, np.sin((1 - weight) * angle) / safe)
    second = np.where(small, weight, np.sin(weight * angle) / safe)
    mixed = first[..., None] * a + second[..., None] * b
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def matrices(quaternions: np.ndarray) -> np.ndarray:
    """Return the rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _about(axis: int, angles: np.ndarray) -> np.ndarray:
    """Return the quaternions (f, 4) of rotations by angles (f,), in radians, about one of `AXES`."""
    turn = np.zeros((len(angles), 1 + len(AXES)))
    turn[:, 0], turn[:, 1 + axis] = np.cos(angles / 2), np.sin(angles / 2)
    return turn


def _identity(frames: int, joints: int) -> np.ndarray:
    rotations = np.zeros((frames, joints, 4))
    rotations[..., 0] = 1
    return rotations
