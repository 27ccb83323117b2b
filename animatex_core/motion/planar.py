"""Poses of images as BVH and back. Such a file is planar: images have no depth.

The file has one joint per visible point, named as in OpenPose, below a root in the middle of the hips. Its
units are pixels, with Y up and the image's lower left corner at 0. Joints have position channels, because
bones in images change their length, and a rotation about Z towards their next joint, for programs that only
use rotations.
"""

import re
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import HAND_POINTS, HANDS, JOINT, POINTS, PoseSequence, seen
from ..utils.files import atomic_write
from .bone_names import FINGER_JOINTS, SIDES
from .bvh import read_bvh
from .kinematics import pose_at
from .skeleton import CHANNELS, NO_PARENT, POSITIONS, MotionCapture, Skeleton
from .writer import format_bvh

ASSUMED_FPS = 24.0
ROOT = re.compile(r"image_(\d{1,5})x(\d{1,5})")
PLANAR_CHANNELS = (*POSITIONS, "Zrotation", "Xrotation", "Yrotation")


def _tree() -> tuple[tuple[str, int, int | None], ...]:
    """Return name, point and parent point of every joint; parents come first, and the neck has none."""
    body = [
        ("neck", None), ("nose", "neck"),
        *((f"{side}_{name}", parent) for side in SIDES for name, parent in (
            ("shoulder", "neck"), ("elbow", f"{side}_shoulder"), ("wrist", f"{side}_elbow"),
            ("hip", None), ("knee", f"{side}_hip"), ("ankle", f"{side}_knee"), ("toe", f"{side}_ankle"),
            ("eye", "nose"), ("ear", f"{side}_eye"),
        )),
    ]  # fmt: skip
    joints = [(name, JOINT[name], None if parent is None else JOINT[parent]) for name, parent in body]
    for side, hand in zip(SIDES, HANDS, strict=True):
        root = hand.start
        joints.append((f"{side}_hand_root", root, JOINT[f"{side}_wrist"]))
        joints += [
            (f"{side}_{name}", root + point, root if point % 4 == 1 else root + point - 1)
            for point, name in enumerate(FINGER_JOINTS, start=1)
        ]
    return tuple(joints)


TREE = _tree()
# The joint that each joint's rotation points to: the next one of its limb.
NEXT = {parent: point for _, point, parent in reversed(TREE) if parent is not None} | {
    JOINT["neck"]: JOINT["nose"]
}
assert len(TREE) == HANDS[1].start + HAND_POINTS


def write_bvh(path: str | Path, poses: PoseSequence) -> None:
    """Write poses as a planar BVH file, whose joints move in the plane of the image.

    Points that are missing in some frames are interpolated, since BVH cannot leave them out; those that are
    never visible, and the face's 68 points, are not written. Without a frame rate, 24 is written.

    Args:
        path: The file to write.
        poses: The poses.

    Raises:
        InvalidInput: Nobody is visible in the poses.
        StorageError: The file cannot be written.

    """
    capture = capture_of(poses)
    with atomic_write(path) as file:
        for text in format_bvh(capture):
            file.write(text.encode())


def read_planar_bvh(path: str | Path) -> PoseSequence:
    """Read a file of `write_bvh`; returns its poses where they were in the image.

    Raises:
        InvalidInput: The file cannot be read, or was not written by `write_bvh`.

    """
    capture = read_bvh(path)
    size = planar_size(capture.skeleton)
    if size is None:
        raise InvalidInput(f"{path} has no poses of images: open it as a motion in three dimensions.")
    places = pose_at(capture, np.arange(len(capture))).places
    points = np.zeros((len(capture), POINTS, 3), np.float32)
    for name, point, _ in TREE:
        if name in capture.skeleton.names:
            x, y, _ = np.moveaxis(places[:, capture.skeleton.names.index(name)], -1, 0)
            points[:, point] = np.stack([x / size[0], 1 - y / size[1], np.ones_like(x)], axis=-1)
    return PoseSequence.from_points(points, *size, capture.fps)


def planar_size(skeleton: Skeleton) -> tuple[int, int] | None:
    """Return width and height of the image that a planar file was written for, None for other files."""
    found = ROOT.fullmatch(skeleton.names[0])
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]), int(found[2])


def capture_of(poses: PoseSequence) -> MotionCapture:
    """Return poses as a recording of a planar skeleton."""
    places = _places(poses)
    if not places:
        raise InvalidInput("The poses show nobody, so there is no motion to write: detect the poses again.")
    joints = [(name, point, _parent(point, places)) for name, point, _ in TREE if point in places]
    order = {point: number for number, (_, point, _) in enumerate(joints, start=1)}
    hips = [places[JOINT[f"{side}_hip"]] for side in SIDES if JOINT[f"{side}_hip"] in places]
    root = np.mean(hips or [next(iter(places.values()))], axis=0)
    turned = {point: _angle(point, places) for point in places}

    offsets, columns = [np.zeros(3)], [root, np.zeros((len(root), 3))]
    for _, point, parent in joints:
        start = root if parent is None else places[parent]
        local = _rotated(places[point] - start, 0 if parent is None else -turned[parent])
        offsets.append(np.median(local, axis=0))
        turn = turned[point] - (0 if parent is None else turned[parent])
        columns += [local, np.stack([np.degrees(turn), *np.zeros((2, len(turn)))], axis=1)]
    skeleton = Skeleton(
        (f"image_{poses.width}x{poses.height}", *(name for name, _, _ in joints)),
        (NO_PARENT, *(0 if parent is None else order[parent] for _, _, parent in joints)),
        np.array(offsets),
        (PLANAR_CHANNELS,) * (len(joints) + 1),
    )
    return MotionCapture(skeleton, np.concatenate(columns, axis=1), 1 / (poses.fps or ASSUMED_FPS))


def _places(poses: PoseSequence) -> dict[int, np.ndarray]:
    """Return the places (f, 3) of all points that are visible in some frame, without gaps."""
    frames, there = np.arange(len(poses)), seen(poses.points)
    pixels = poses.points[..., :2].astype(np.float64) * [poses.width, poses.height]
    found = {}
    for _, point, _ in TREE:
        known = there[:, point]
        if known.any():
            x, y = (np.interp(frames, frames[known], pixels[known, point, axis]) for axis in (0, 1))
            found[point] = np.stack([x, poses.height - y, np.zeros(len(poses))], axis=1)
    return found


_PARENT = {point: parent for _, point, parent in TREE}


def _parent(point: int, places: dict[int, np.ndarray]) -> int | None:
    """Return the nearest ancestor that is visible."""
    parent = _PARENT[point]
    while parent is not None and parent not in places:
        parent = _PARENT[parent]
    return parent


def _angle(point: int, places: dict[int, np.ndarray]) -> np.ndarray:
    """Return the rotation (f,) of a joint, in radians: of its bone, relative to the mean direction."""
    end = NEXT.get(point)
    if end is None or end not in places:
        return np.zeros(len(places[point]))
    bone = places[end] - places[point]
    directions = bone[:, 0] + 1j * bone[:, 1]
    turned = np.angle(directions * np.conj(directions.sum() or 1))
    return np.unwrap(turned)


def _rotated(vectors: np.ndarray, angles: np.ndarray | int) -> np.ndarray:
    """Rotate vectors (f, 3) about Z by angles in radians."""
    cosine, sine = np.cos(angles), np.sin(angles)
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=-1)


assert set(PLANAR_CHANNELS) == set(CHANNELS.values())
