"""Places of joints, against other programs and against what is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from animatex_core.assets.demo_files import MOTION
from animatex_core.motion.bvh import read_bvh
from animatex_core.motion.kinematics import pose_at, rest_pose, slerp
from animatex_core.motion.skeleton import MotionCapture, Skeleton
from tests.motion.skeletons import FILES, recording, skeleton

# Places that pybvh and bvhio compute. bvhio counts in single precision, but reads positions of all joints.
REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))
TOLERANCE = {"pybvh 0.9.0": 1e-8, "bvhio 1.5.4": 1e-6}


@pytest.mark.parametrize("name", REFERENCE)
def test_joints_lie_where_other_programs_put_them(name: str) -> None:
    expected = REFERENCE[name]
    capture = read_bvh(MOTION if name == "dance" else FILES / f"{name}.bvh")
    places = pose_at(capture, np.array(expected["frames"], float)).places
    size = np.ptp(places, axis=(0, 1)).max()
    assert len(expected["places"]) >= 9
    for joint, theirs in expected["places"].items():
        ours = places[:, capture.skeleton.names.index(joint)]
        assert np.abs(ours - theirs).max() < TOLERANCE[expected["program"]] * size, joint


def test_between_two_frames_bones_keep_their_length() -> None:
    capture = read_bvh(FILES / "mixamo.bvh")
    places = pose_at(capture, np.linspace(0, 2, 9)).places
    parents = capture.skeleton.parents
    lengths = [
        np.linalg.norm(places[:, joint] - places[:, parent], axis=1) for joint, parent in enumerate(parents)
    ][1:]
    assert np.ptp(lengths, axis=1).max() < 1e-9
    at_frames = pose_at(capture, np.array([0.0, 1.0, 2.0])).places
    np.testing.assert_allclose(places[[0, 4, 8]], at_frames, atol=1e-9)


def test_halfway_through_a_turn_the_shorter_way_is_taken() -> None:
    capture = recording(skeleton(), frames=2, left_shoulder_Yrotation=(170, -170))
    elbow = capture.skeleton.names.index("left_elbow")
    start = rest_pose(capture.skeleton)[capture.skeleton.names.index("left_shoulder")]
    place = pose_at(capture, np.array([0.5])).places[0, elbow]
    np.testing.assert_allclose(place - start, (-0.27, 0, 0), atol=1e-12)


def test_before_and_after_the_recording_its_ends_are_repeated() -> None:
    capture = read_bvh(FILES / "mixamo.bvh")
    places = pose_at(capture, np.array([-3.0, 0.0, 2.0, 9.0])).places
    np.testing.assert_array_equal(places[0], places[1])
    np.testing.assert_array_equal(places[2], places[3])


def test_equal_rotations_are_interpolated_without_nan() -> None:
    a = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    np.testing.assert_allclose(slerp(a, -a, np.array([0.3, 0.9])), a)


def test_a_position_channel_replaces_the_offset() -> None:
    own = Skeleton(("a", "b"), (-1, 0), np.array([[1.0, 2, 3], [4, 5, 6]]), (("Xposition",), ("Yposition",)))
    places = pose_at(MotionCapture(own, np.array([[10.0, 20.0]]), 0.1), np.zeros(1)).places[0]
    np.testing.assert_array_equal(places, [[10, 2, 3], [14, 22, 9]])
