"""Poses with swapped left and right hands."""

import warnings

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.formats.normalization import are_hands_confused
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.keypoints import HANDS, JOINT, POINTS, PoseSequence, seen

LEFT, RIGHT = (0.7, 0.5), (0.3, 0.5)  # wrists, as fractions of the image


def clip(frames: int = 6) -> PoseSequence:
    """A person facing the viewer, with both hands at their wrists."""
    points = np.zeros((frames, POINTS, 3), np.float32)
    points[:, : len(JOINT)] = (0.5, 0.3, 1)
    for name, place in (("left_wrist", LEFT), ("right_wrist", RIGHT)):
        points[:, JOINT[name]] = (*place, 1)
    for hand, place in zip(HANDS, (LEFT, RIGHT), strict=True):
        points[:, hand, :2] = place + np.random.default_rng(0).uniform(0, 0.02, (21, 2))
        points[:, hand, 2] = 1
    return PoseSequence.from_points(points, 400, 800)


def confused(keypoints: list[dict], frames: slice = slice(None)) -> list[dict]:
    """Return keypoints that call left hands right in some frames, as SDPose does in all."""
    for frame in keypoints[frames]:
        for person in frame["people"]:
            left, right = (f"hand_{side}_keypoints_2d" for side in ("left", "right"))
            person[left], person[right] = person[right], person[left]
    return keypoints


def test_confused_hands_come_back_to_their_wrists() -> None:
    meant = clip()
    with pytest.warns(AnimateXWarning, match="left and right hand were swapped"):
        read = poses_from_openpose(confused(openpose_from_poses(meant)))
    np.testing.assert_allclose(read.points, meant.points, atol=1e-6)


@pytest.mark.parametrize("side", [0, 1])
def test_one_hand_is_enough(side: int) -> None:
    points = clip().points.copy()
    points[:, HANDS[side]] = 0
    meant = PoseSequence.from_points(points, 400, 800)
    with pytest.warns(AnimateXWarning, match="swapped"):
        read = poses_from_openpose(confused(openpose_from_poses(meant)))
    np.testing.assert_allclose(read.points, meant.points, atol=1e-6)


@pytest.mark.parametrize("kind", ["right", "crossed", "one frame", "no wrists", "no hands"])
def test_other_hands_stay(kind: str) -> None:
    points = clip().points.copy()
    if kind == "crossed":
        points[:, [JOINT["left_wrist"], JOINT["right_wrist"]], 0] = 0.51, 0.49
        for hand, x in zip(HANDS, (0.505, 0.495), strict=True):
            points[:, hand, 0] = x
    if kind == "no wrists":
        points[:, [JOINT["left_wrist"], JOINT["right_wrist"]]] = 0
    if kind == "no hands":
        for hand in HANDS:
            points[:, hand] = 0
    keypoints = openpose_from_poses(PoseSequence.from_points(points, 400, 800))
    if kind == "one frame":
        keypoints = confused(keypoints, slice(2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = poses_from_openpose(keypoints)
    expected = points.copy()
    if kind == "one frame":
        left, right = HANDS
        expected[2, left], expected[2, right] = points[2, right], points[2, left]
    np.testing.assert_allclose(read.points, expected, atol=1e-6)


def test_what_was_written_is_read_as_it_was() -> None:
    """Random hands are sometimes at the other wrists, swapped ones always."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        points = generator.random((1, POINTS, 3), np.float32) + np.array([0, 0, 0.2], np.float32)
        poses = PoseSequence.from_points(points, 400, 800)
        read = poses_from_openpose(openpose_from_poses(poses))
        np.testing.assert_array_equal(
            read.hands[..., :2][seen(read.hands)], poses.hands[..., :2][seen(poses.hands)]
        )
    left, right = HANDS
    points = clip().points.copy()
    points[:, left], points[:, right] = points[:, right].copy(), points[:, left].copy()
    meant = PoseSequence.from_points(points, 400, 800)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = poses_from_openpose(openpose_from_poses(meant))
    np.testing.assert_array_equal(read.points, meant.points)


def test_random_hands_of_other_programs_stay() -> None:
    points = np.random.default_rng(1).random((5000, 1, POINTS, 3), np.float32)
    assert not any(are_hands_confused(each, (400, 800)) for each in points)
