"""Poses of images as BVH files, and back."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core.assets.demo_files import DANCE
from animatex_core.driving_motion import open_motion
from animatex_core.errors import InvalidInput
from animatex_core.motion.bvh import read_bvh
from animatex_core.motion.camera import CameraSettings
from animatex_core.motion.planar import read_planar_bvh, write_bvh
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.formats.reader import read_poses
from animatex_core.pose.keypoints import FACE, HANDS, JOINT, PoseSequence, seen
from animatex_core.training.synthetic.dances import real_dance
from tests.motion.skeletons import FILES


def body_height(poses: PoseSequence) -> float:
    """Return the usual height of the body, in fractions of the image."""
    y = np.where(seen(poses.body), poses.body[..., 1], np.nan)
    return float(np.median(np.nanmax(y, axis=1) - np.nanmin(y, axis=1)))


@pytest.mark.parametrize("name", ["demo", "dance_1", "dance_3"])
def test_poses_come_back_where_they_were(tmp_path: Path, name: str) -> None:
    poses = read_poses(DANCE) if name == "demo" else real_dance(name)
    write_bvh(tmp_path / "poses.bvh", poses)
    found = read_planar_bvh(tmp_path / "poses.bvh")
    assert (found.width, found.height, len(found)) == (poses.width, poses.height, len(poses))
    visible = seen(poses.points)
    visible[:, FACE] = False
    assert visible.sum() > 15 * len(poses)
    error = np.abs(found.points[..., :2] - poses.points[..., :2])[visible].max()
    assert error < 1e-6 * body_height(poses)
    assert found.fps == 24


def test_points_that_are_missing_at_times_are_interpolated_and_others_left_out(tmp_path: Path) -> None:
    points = read_poses(DANCE).points[:5].copy()
    points[:, HANDS[0]] = points[:, JOINT["left_knee"]] = 0
    points[2, JOINT["right_wrist"]] = 0
    poses = PoseSequence.from_points(points, 200, 300, 30)
    write_bvh(tmp_path / "poses.bvh", poses)
    found = read_planar_bvh(tmp_path / "poses.bvh")
    assert not seen(found.points[:, JOINT["left_knee"]]).any()
    assert not seen(found.hands[:, 0]).any()
    wrist = points[[1, 3], JOINT["right_wrist"], :2].mean(axis=0)
    np.testing.assert_allclose(found.body[2, JOINT["right_wrist"], :2], wrist, atol=1e-6)
    np.testing.assert_allclose(
        found.body[:, JOINT["left_ankle"], :2], points[:, JOINT["left_ankle"], :2], atol=1e-6
    )


def test_programs_that_ignore_positions_get_the_directions(tmp_path: Path) -> None:
    poses = real_dance("dance_1").select(range(20))
    write_bvh(tmp_path / "poses.bvh", poses)
    skeleton, values = (capture := read_bvh(tmp_path / "poses.bvh")).skeleton, capture.values
    elbow = skeleton.names.index("left_elbow")
    first = skeleton.columns[elbow]
    places = values[:, first : first + 3]
    directions = places / np.linalg.norm(places, axis=1, keepdims=True)
    # The rotation of the shoulder takes all of the motion: the elbow only moves along its bone.
    np.testing.assert_allclose(directions, np.repeat(directions[:1], 20, axis=0), atol=1e-5)


def test_such_a_file_is_a_dance_like_any_other(tmp_path: Path) -> None:
    poses = read_poses(DANCE)
    write_bvh(tmp_path / "poses.bvh", poses)
    camera = CameraSettings(width=poses.width, height=poses.height, follow=False)
    clip = open_motion(tmp_path / "poses.bvh", MotionSettings(camera), frames=8, stride=1)
    theirs, ours = poses.body[:8, :, :2] * [poses.width, poses.height], clip.poses.body[..., :2]
    ours = ours * [poses.width, poses.height]
    both = seen(poses.body[:8]) & seen(clip.poses.body)
    assert both.sum() > 8 * 15
    theirs, ours = theirs[both], ours[both]
    scale = np.ptp(ours[:, 1]) / np.ptp(theirs[:, 1])
    moved = ours - scale * theirs
    assert np.ptp(moved, axis=0).max() < 1e-2  # pixels


def test_poses_of_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="The poses show nobody"):
        write_bvh(tmp_path / "poses.bvh", PoseSequence.empty(3, 64, 64))
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_not_read_as_poses() -> None:
    with pytest.raises(InvalidInput, match="has no poses of images"):
        read_planar_bvh(FILES / "mixamo.bvh")
