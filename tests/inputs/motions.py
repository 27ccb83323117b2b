"""Motion capture of other programs, and what is taken for it."""

from pathlib import Path

import numpy as np

from animatex_core.driving_motion import open_motion
from animatex_core.motion.bones import parse_bones
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.keypoints import JOINT, seen
from tests.inputs.common import Read, refused
from tests.motion.skeletons import FILES, NAMES, recording, skeleton, write

GOOD = (FILES / "mixamo.bvh").read_bytes()


def opened(path: Path, settings: MotionSettings | None = None) -> np.ndarray:
    """Return the poses of the first frame, after a look at whether trunk, arms and legs are there."""
    poses = open_motion(path, settings, frames=1).poses
    assert seen(poses.body[:, JOINT["neck"] : JOINT["left_ankle"] + 1]).all()
    return poses.body[0]


def named_by_programs(folder: Path) -> None:
    for names in NAMES.values():
        opened(write(folder / "walk.bvh", recording(skeleton(names))))


def named_otherwise(folder: Path) -> None:
    own = skeleton()
    names = tuple("shank" if name == "left_knee" else name for name in own.names)
    path = write(folder / "walk.bvh", recording(type(own)(names, own.parents, own.offsets, own.channels)))
    refused(open_motion, path)
    opened(path, MotionSettings(bones=parse_bones("left_knee: shank")))


def in_other_axes_and_units(folder: Path) -> None:
    expected = opened(write(folder / "walk.bvh", recording(skeleton())))
    for up, scale in (("y", 100.0), ("z", 0.0254), ("z", 1000.0)):
        found = opened(write(folder / "walk.bvh", recording(skeleton(up=up, scale=scale))))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def positions_everywhere(_: Path) -> None:
    bones = {
        "head": "Head",
        "left_shoulder": "LeftArm",
        "left_elbow": "LeftForeArm",
        "left_wrist": "LeftHand",
    }
    others = {"right_shoulder": "Neck", "left_hip": "LeftUpLeg", "right_hip": "Hips"}
    rest = {f"{side}_{joint}": None for side in ("left", "right") for joint in ("knee", "ankle")}
    arms: dict[str, str | None] = {"right_elbow": None, "right_wrist": None}
    settings = MotionSettings(bones={**bones, **others, **rest, **arms})
    assert np.isfinite(open_motion(FILES / "six_channels.bvh", settings, frames=1).poses.points).all()


def changed(folder: Path, *changes: tuple[bytes, bytes]) -> Path:
    """Write the recording of Mixamo with other bytes."""
    data = GOOD
    for old, new in changes:
        assert old in data
        data = data.replace(old, new)
    path = folder / "walk.bvh"
    path.write_bytes(data)
    return path


def other_counts(folder: Path) -> None:
    for old, new in ((b"Frames: 3", b"Frames: 5"), (b"Frames: 3", b"Frames: 2"), (b"0.03333333", b"0")):
        opened(changed(folder, (old, new)))


def broken(folder: Path) -> None:
    for change in (
        (b"CHANNELS", b"NOTHING"),
        (b"OFFSET", b"OFFSET x"),
        (b"Frames: 3", b"Frames: 0"),
        (b"\nMOTION", b"}\nMOTION"),
        (b"Frame Time: 0.03333333\n", b"Frame Time: 0.03333333\nnan "),
    ):
        refused(open_motion, changed(folder, change))
    opened(changed(folder, (b"\nMOTION", b"}\nMOTION")))


def too_long(folder: Path) -> None:
    opened(changed(folder, (b"Frames: 3", b"Frames: 1000000")))


def of_other_formats(folder: Path) -> None:
    binary = b"Kaydara FBX Binary  ", b"glTF\2", b"PXR-USDC", b"\2P\0"
    for head in (*binary, b"; FBX 7.4", b'{"asset":{}}', b"# ASF\n:version 1"):
        (folder / "walk.bvh").write_bytes(head)
        refused(open_motion, folder / "walk.bvh")
    open_motion(folder / "walk.bvh")


MOTIONS: dict[str, Read] = {
    "BVH, with bones named by Mixamo, Rokoko, CMU, Blender (rigify), Unreal or Biovision": named_by_programs,
    "other bone names": named_otherwise,
    "Y or Z up, any units, any order of channels": in_other_axes_and_units,
    "channels of position in every joint": positions_everywhere,
    "fewer or more frames than declared, no frame time": other_counts,
    "no channels, a broken hierarchy, no frames, numbers that are not finite": broken,
    "more than 30 million numbers": too_long,
    "FBX, GLB, glTF, USD, C3D, ASF": of_other_formats,
}
