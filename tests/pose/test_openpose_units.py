"""Files whose people, frames or parts are in different units, made from one video in pixels."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.formats.units import units_by_numbers
from animatex_core.pose.keypoints import FACE, HANDS, JOINT, POINTS, PoseSequence

WIDTH, HEIGHT, FRAMES = 480, 640, 8
BODY = ("pose_keypoints_2d",)
FEET = ("foot_keypoints_2d",)
LEFT, RIGHT = ("hand_left_keypoints_2d",), ("hand_right_keypoints_2d",)
FACE_KEY = ("face_keypoints_2d",)
ALL = BODY + FEET + LEFT + RIGHT + FACE_KEY
Frames = list[dict[str, Any]]


def dance() -> PoseSequence:
    """Return a person who moves to the right, with hands at the wrists and a face around the nose."""
    rng = np.random.default_rng(0)
    points = np.ones((FRAMES, POINTS, 3), np.float32)
    points[..., :2] = rng.uniform((0.3, 0.2), (0.6, 0.9), (POINTS, 2))
    for hand, wrist in zip(HANDS, ("left_wrist", "right_wrist"), strict=True):
        spread = rng.uniform(-0.04, 0.04, (21, 2))
        spread[0] = 0
        points[:, hand, :2] = points[:, JOINT[wrist], None, :2] + spread
    spread = rng.uniform(-0.04, 0.04, (68, 2))
    spread[30] = 0
    points[:, FACE, :2] = points[:, JOINT["nose"], None, :2] + spread
    for toe, ankle in (("left_toe", "left_ankle"), ("right_toe", "right_ankle")):
        points[:, JOINT[toe], :2] = points[:, JOINT[ankle], :2] + 0.02
    points[..., 0] += np.linspace(0, 0.2, FRAMES)[:, None]
    return PoseSequence.from_points(points, WIDTH, HEIGHT)


def in_pixels() -> Frames:
    return json.loads(json.dumps(openpose_from_poses(dance())))


def normalised(frame: dict[str, Any], keys: tuple[str, ...] = ALL) -> dict[str, Any]:
    frame = copy.deepcopy(frame)
    for person in frame["people"]:
        for key in keys:
            values = np.reshape(person[key], (-1, 3)) / (WIDTH, HEIGHT, 1)
            person[key] = values.ravel().tolist()
    return frame


def without_canvas(frames: Frames) -> Frames:
    return [{"people": frame["people"]} for frame in frames]


def each(keys: tuple[str, ...]) -> Frames:
    return [normalised(frame, keys) for frame in in_pixels()]


def one_normalised(number: int) -> Frames:
    return [normalised(frame) if index == number else frame for index, frame in enumerate(in_pixels())]


def one_in_pixels(number: int) -> Frames:
    return [frame if index == number else normalised(frame) for index, frame in enumerate(in_pixels())]


def read(frames: Frames) -> tuple[PoseSequence, list[str]]:
    with pytest.warns(AnimateXWarning) as caught:
        poses = poses_from_openpose(frames, source="clip")
    assert {each.filename for each in caught} == {__file__}
    return poses, [str(each.message) for each in caught]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: each(BODY),
            "fractions of the image, but in pixels for the feet in 8 frames .* left hand",
        ),
        (lambda: each(BODY + FEET + FACE_KEY), "but in pixels for the left hand in 8 frames"),
        (lambda: each(LEFT + RIGHT), "pixels, but in fractions of the image for the left hand in 8 frames"),
        (lambda: each(RIGHT), "fractions of the image for the right hand in 8 frames"),
        (lambda: each(FACE_KEY), "fractions of the image for the face in 8 frames"),
        (lambda: each(FEET), "fractions of the image for the feet in 8 frames"),
        (lambda: one_normalised(0), r"for the body in 1 frame \(the first is 0\)"),
        (lambda: one_normalised(3), r"for the body in 1 frame \(the first is 3\)"),
        (lambda: one_in_pixels(0), r"but in pixels for the body in 1 frame \(the first is 0\)"),
        (lambda: one_in_pixels(7), r"but in pixels for the body in 1 frame \(the first is 7\)"),
    ],
)
def test_every_part_is_read_in_its_own_unit(make: Callable[[], Frames], told: str) -> None:
    poses, (sentence,) = read(make())
    np.testing.assert_allclose(poses.points, dance().points, atol=1e-5)
    assert re.search(told, sentence), sentence


def test_people_of_one_frame_may_differ() -> None:
    frames = in_pixels()
    for frame in frames:
        frame["people"].insert(0, normalised(frame)["people"][0])
    poses, _ = read(frames)
    np.testing.assert_allclose(poses.points, dance().points, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: each(BODY), lambda: each(LEFT), lambda: one_normalised(3)])
def test_without_a_canvas_what_is_in_both_units_tells_the_size(make: Callable[[], Frames]) -> None:
    poses, sentences = read(without_canvas(make()))
    assert (poses.width, poses.height) == pytest.approx((WIDTH, HEIGHT), rel=0.08)
    np.testing.assert_allclose(poses.points, dance().points, atol=0.08)
    assert "480 x 640" in sentences[0] or "does not contain its image size" in sentences[0]


@pytest.mark.parametrize("keys", [(), ALL])
def test_one_unit_throughout_warns_of_nothing(keys: tuple[str, ...]) -> None:
    poses = poses_from_openpose(each(keys))
    np.testing.assert_allclose(poses.points, dance().points, atol=1e-5)


def test_a_hand_of_few_points_goes_with_its_wrist() -> None:
    frames = in_pixels()
    for frame in frames:
        frame["people"][0][LEFT[0]][6:] = [0.0] * 57
    frames[2] = normalised(frames[2], LEFT)
    poses, _ = read(frames)
    np.testing.assert_allclose(poses.hands[:, 0, :2], dance().hands[:, 0, :2], atol=1e-5)


def test_a_hand_in_the_corner_stays_in_pixels() -> None:
    points = dance().points.copy()
    points[..., :2] *= 0.003 / points[:, HANDS[0], None, :2].max()
    frames = in_pixels()
    corner = PoseSequence.from_points(points, WIDTH, HEIGHT)
    frames[4]["people"][0][LEFT[0]] = openpose_from_poses(corner)[4]["people"][0][LEFT[0]]
    frames[4]["people"][0][BODY[0]][3 * JOINT["left_wrist"] : 3 * JOINT["left_wrist"] + 2] = [1.0, 1.0]
    poses = poses_from_openpose(frames)
    assert poses.hands[4, 0, :, :2].max() < 0.01


def without_points(frame: dict[str, Any], joints: tuple[str, ...]) -> dict[str, Any]:
    frame = copy.deepcopy(frame)
    for name in joints:
        at = 3 * JOINT[name]
        frame["people"][0][BODY[0]][at : at + 3] = [0.0] * 3
    return frame


def test_feet_without_ankles_lie_beside_the_rest_of_the_body() -> None:
    frames = [without_points(frame, ("left_ankle", "right_ankle")) for frame in each(FEET)]
    poses, _ = read(frames)
    np.testing.assert_allclose(poses.body[:, 18:, :2], dance().body[:, 18:, :2], atol=1e-5)


def test_a_body_of_few_points_goes_with_its_hands() -> None:
    frames = in_pixels()
    for frame in frames:
        frame["people"][0][BODY[0]][9:] = [0.0] * 45
    frames[5] = normalised(frames[5])
    poses, _ = read(frames)
    np.testing.assert_allclose(poses.body[:, :3, :2], dance().body[:, :3, :2], atol=1e-5)


def test_a_few_points_in_the_corner_stay_in_pixels() -> None:
    """Wrong detections in the corner, with a body in the middle, are not fractions."""
    points = np.zeros((1, POINTS, 3), np.float32)
    points[0, :10] = (0.5, 0.5, 1)
    corner = np.array([[1e-4, 2e-4], [3e-5, 1e-4], [0.001, 1e-5], [5e-4, 5e-4], [1e-29, 1e-30]], np.float32)
    points[0, FACE.start : FACE.start + 5, :2] = points[0, HANDS[1].start : HANDS[1].start + 5, :2] = corner
    points[0, FACE.start : FACE.start + 5, 2] = points[0, HANDS[1].start : HANDS[1].start + 5, 2] = 1
    poses = PoseSequence.from_points(points, WIDTH, HEIGHT)
    np.testing.assert_array_equal(poses_from_openpose(openpose_from_poses(poses)).points, poses.points)


def test_fractions_throughout_stay_so_where_little_is_seen() -> None:
    frames = each(ALL)
    for frame in frames:
        person = frame["people"][0]
        person[BODY[0]][12:] = [0.0] * 42
        person[FEET[0]] = [0.0] * 9 + person[FEET[0]][9:12] + [0.0] * 6
        person[LEFT[0]][3:] = [0.0] * 60
    poses = poses_from_openpose(frames)
    np.testing.assert_allclose(poses.body[:, :4, :2], dance().body[:, :4, :2], atol=1e-5)
    np.testing.assert_allclose(poses.hands[:, 0, 0, :2], dance().hands[:, 0, 0, :2], atol=1e-5)


@pytest.mark.parametrize(("scale", "unit"), [(0.04, 1.0), (0.0009, np.nan)])
def test_small_fractions_are_fractions_and_tiny_ones_are_ambiguous(scale: float, unit: float) -> None:
    points = dance().points.astype(np.float64)
    points[..., :2] *= scale
    np.testing.assert_array_equal(units_by_numbers(points)[:, 0], np.full(FRAMES, unit))
