"""Images of poses: the official drawing with OpenCV is the reference."""

import colorsys
import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from animatex_core.errors import InvalidInput
from animatex_core.pose.draw import BONES, LIMBS, Strokes, draw_over, draw_pose, draw_poses
from animatex_core.pose.keypoints import JOINT, POINTS, PoseSequence

BLUE_FIRST = [
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
    (170, 255, 255),
    (255, 255, 0),
]
NOBODY = np.zeros((20, 3), np.float32)
NO_HANDS = np.zeros((2, 21, 3), np.float32)


def drawn_by_opencv(body: np.ndarray, hands: np.ndarray, width: int, height: int) -> np.ndarray:
    """The official drawing, one OpenCV call per shape."""
    canvas = np.zeros((height, width, 3), np.uint8)
    size = np.array([width, height], np.float32)
    places, found = body[:, :2] * size, body[:, 2] > 0.3
    for color, (a, b) in zip(BLUE_FIRST, LIMBS, strict=False):
        if found[a] and found[b]:
            center = [int(value) for value in (places[a] + places[b]) / 2]
            dx, dy = places[a] - places[b]
            axes = int((dx**2 + dy**2) ** 0.5 / 2), 4
            polygon = cv2.ellipse2Poly(center, axes, int(math.degrees(math.atan2(dy, dx))), 0, 360, 1)
            cv2.fillConvexPoly(canvas, np.array(polygon), color)
    canvas = (canvas * 0.6).astype(np.uint8)
    for joint in np.flatnonzero(found):
        cv2.circle(canvas, [int(value) for value in places[joint]], 4, BLUE_FIRST[joint], thickness=-1)
    for hand in hands:
        draw_hand_by_opencv(canvas, hand, size)
    return canvas[..., ::-1]


def draw_hand_by_opencv(canvas: np.ndarray, hand: np.ndarray, size: np.ndarray) -> None:
    whole = [[int(value) for value in place] for place in hand[:, :2] * size]
    shown = [score >= 0.3 and min(place) > 0 for score, place in zip(hand[:, 2], whole, strict=True)]
    for bone, (a, b) in enumerate(BONES[:20] - 20):
        if shown[a] and shown[b]:
            color = np.multiply(colorsys.hsv_to_rgb(bone / 20, 1, 1), 255)
            cv2.line(canvas, whole[a], whole[b], color.tolist(), thickness=2)
    for place, is_shown in zip(whole, shown, strict=True):
        if is_shown:
            cv2.circle(canvas, place, 4, (0, 0, 255), thickness=-1)


def poses(frames: int, count: int, low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    places = hnp.arrays(np.float32, (frames, count, 2), elements=st.floats(low, high, width=32))
    scores = hnp.arrays(np.float32, (frames, count, 1), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    return st.builds(lambda *parts: np.concatenate(parts, axis=2), places, scores)


@given(poses(1, 20, -0.25, 1.25), poses(2, 21, 0.0625, 0.875), st.integers(30, 200), st.integers(30, 200))
def test_no_pixel_differs_from_opencv(body: np.ndarray, hands: np.ndarray, width: int, height: int) -> None:
    drawn = draw_pose(body[0], hands, width, height)
    np.testing.assert_array_equal(drawn, drawn_by_opencv(body[0], hands, width, height))


def body_of(**joints: tuple[float, float]) -> np.ndarray:
    body = NOBODY.copy()
    for name, place in joints.items():
        body[JOINT[name]] = (*place, 1)
    return body


def hands_of(**points: tuple[float, float]) -> np.ndarray:
    hands = NO_HANDS.copy()
    for name, place in points.items():
        hands[0, int(name.removeprefix("point_"))] = (*place, 1)
    return hands


@pytest.mark.parametrize(
    ("body", "hands"),
    [
        (body_of(neck=(0.5, 0.5), nose=(0.5, 0.5)), NO_HANDS),
        (body_of(neck=(0.5, 0.9), nose=(0.5, 0.1)), NO_HANDS),
        (body_of(neck=(0.1, 0.5), right_shoulder=(0.9, 0.5)), NO_HANDS),
        (body_of(left_ankle=(0.5, 0.9), left_toe=(0.7, 1.2)), NO_HANDS),
        (body_of(neck=(-3.0, 0.4), nose=(4.0, 0.6)), NO_HANDS),
        (body_of(nose=(-0.01, -0.01), neck=(1.0, 1.0)), NO_HANDS),
        (NOBODY, hands_of(point_0=(0.5, 0.5), point_1=(0.5, 0.5))),
        (NOBODY, hands_of(point_0=(0.5, 0.0), point_1=(0.5, 0.5))),
        (NOBODY, hands_of(point_0=(-0.5, 0.5), point_1=(0.5, 0.015), point_2=(0.3, 0.017))),
        (NOBODY, hands_of(point_0=(0.5, 0.5), point_2=(0.3, 0.3))),
        (NOBODY, NO_HANDS),
    ],
)
def test_corner_cases(body: np.ndarray, hands: np.ndarray) -> None:
    np.testing.assert_array_equal(draw_pose(body, hands, 64, 64), drawn_by_opencv(body, hands, 64, 64))


def test_wild_places_are_drawn_in_no_time() -> None:
    body = body_of(neck=(1e5, -1e6), nose=(1e20, 2.0), left_eye=(0.5, 0.5))
    hands = hands_of(point_0=(1e30, 1e30), point_1=(0.2, 0.2))
    assert draw_pose(body, hands, 64, 64)[[32, 12], [32, 12]].any(axis=1).all()


def test_the_model_sees_red_and_blue_swapped() -> None:
    image = draw_pose(body_of(nose=(0.2, 0.5), neck=(0.8, 0.5)), hands_of(point_7=(0.5, 0.1)), 100, 100)
    assert image[50, 20].tolist() == [0, 0, 255]
    assert image[50, 80].tolist() == [0, 85, 255]
    assert image[50, 50].tolist() == [int(value * 0.6) for value in (255, 0, 0)]
    assert image[10, 50].tolist() == [255, 0, 0]


def test_a_score_of_three_tenths_shows_hand_points_only() -> None:
    body, hands = body_of(nose=(0.5, 0.5)), hands_of(point_3=(0.2, 0.2))
    body[:, 2], hands[..., 2] = 0.3, 0.3
    image = draw_pose(body, hands, 100, 100)
    assert not image[50, 50].any()
    assert image[20, 20].tolist() == [255, 0, 0]


def test_nobody_is_black() -> None:
    assert not draw_pose(NOBODY, NO_HANDS, 33, 17).any()


@pytest.mark.parametrize("size", [(0, 10), (10, -1), (10, 2.5), (None, 10)])
def test_sizes_are_whole_numbers(size: Any) -> None:
    with pytest.raises(InvalidInput, match="must be a whole number"):
        draw_pose(NOBODY, NO_HANDS, *size)


def test_a_video_is_drawn_frame_by_frame_in_its_own_size() -> None:
    points = np.zeros((2, POINTS, 3), np.float32)
    points[1, 0] = (0.5, 0.5, 1)
    clip = PoseSequence.from_points(points, 40, 60)
    images = draw_poses(clip)
    assert not next(images).any()
    np.testing.assert_array_equal(next(images), draw_pose(clip.body[1], clip.hands[1], 40, 60))
    assert [image.shape for image in draw_poses(clip, 20, 10)] == [(10, 20, 3)] * 2


def test_a_preview_dims_the_image_and_leaves_it_alone() -> None:
    image = np.full((768, 512, 3), 200, np.uint8)
    body = body_of(nose=(0.5, 0.5), neck=(0.8, 0.5))
    over = draw_over(image, body, NO_HANDS)
    alone = draw_pose(body, NO_HANDS, 512, 768)
    shown = alone.any(axis=2)
    np.testing.assert_array_equal(over[shown], alone[shown])
    assert (over[~shown] == 100).all()
    assert (image == 200).all()


@pytest.mark.parametrize(
    ("size", "strokes"),
    [((512, 768), (4, 4, 2)), ((1024, 1536), (8, 8, 4)), ((64, 64), (1, 1, 2)), ((1, 1), (1, 1, 2))],
)
def test_strokes_fit_the_image(size: tuple[int, int], strokes: tuple[int, int, int]) -> None:
    assert Strokes.fitting(*size) == Strokes(*strokes)
    assert draw_over(np.zeros((*size, 3), np.uint8), body_of(nose=(0.5, 0.5)), NO_HANDS).any()
