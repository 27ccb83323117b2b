from dataclasses import replace

import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import (
    BODY_JOINTS,
    JOINT,
    POINTS,
    PoseSequence,
    choose_reference_pose,
    seen,
)


def sequence(frames: int = 3) -> PoseSequence:
    points = np.random.default_rng(0).random((frames, POINTS, 3), dtype=np.float32)
    return PoseSequence.from_points(points, 64, 96, 24.0)


def test_points_are_what_they_were_made_of() -> None:
    poses = sequence()
    again = PoseSequence.from_points(poses.points, 64, 96)
    np.testing.assert_array_equal(again.hands, poses.hands)
    np.testing.assert_array_equal(again.face, poses.points[:, 62:])


def test_the_joints_are_in_the_order_of_openpose() -> None:
    assert len(BODY_JOINTS) == 20
    assert (JOINT["neck"], JOINT["left_wrist"], JOINT["right_ankle"], JOINT["left_ear"]) == (1, 7, 10, 17)


def test_frames_are_selected_in_the_given_order() -> None:
    poses = sequence()
    chosen = poses.select([2, 0])
    np.testing.assert_array_equal(chosen.body[0], poses.body[2])
    assert (len(chosen), chosen.width, chosen.fps) == (2, 64, 24.0)


@pytest.mark.parametrize(
    ("score", "kept", "visible"), [(0.29, False, False), (0.3, True, False), (0.31, True, True)]
)
def test_visibility_at_its_bounds(score: float, kept: bool, visible: bool) -> None:
    poses = PoseSequence.empty(1, 64, 96)
    poses.body[0, 4] = 0.25, 0.5, score
    assert (poses.keypoints()[0, :, 4].tolist() == [0.25, 0.5]) is kept
    assert bool(seen(poses.body)[0, 4]) is visible


def test_unseen_keypoints_are_minus_one() -> None:
    keypoints = PoseSequence.empty(2, 64, 96).keypoints()
    assert keypoints.shape == (2, 2, 18)
    assert (keypoints == -1).all()


@pytest.mark.parametrize("name", ["body", "hands", "face"])
def test_a_wrong_shape_is_named(name: str) -> None:
    poses = sequence()
    with pytest.raises(InvalidInput, match=f"{name} has shape"):
        replace(poses, **{name: getattr(poses, name)[:, 1:]})


def test_nan_is_rejected() -> None:
    poses = sequence()
    poses.body[0, 0, 0] = np.nan
    with pytest.raises(InvalidInput, match="body contains NaN"):
        poses.select([0])


def test_the_reference_pose_is_its_own_or_the_first_visible_driving_pose() -> None:
    own, driving = sequence(2), sequence(3).with_points(sequence(3).points[::-1].copy())
    hidden = own.with_points(np.concatenate([np.zeros_like(own.points[:1]), own.points[1:]]))
    late = driving.with_points(driving.points * np.array([0, 1, 1])[:, None, None])
    np.testing.assert_array_equal(choose_reference_pose(own, driving).points, own.points[:1])
    for missing in (None, hidden, PoseSequence.empty(1, 64, 96)):
        np.testing.assert_array_equal(choose_reference_pose(missing, late).points, driving.points[1:2])
