"""The rasteriser against OpenCV's, pixel for pixel.

From 4.13 on OpenCV cuts thick lines at the border before it widens them. The released code runs with older
ones, so such lines are compared with their parts: a quadrilateral and two discs.
"""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from animatex_core.pose.raster import Spans, discs, ellipse_corners, lines, paint, polygons
from animatex_core.pose.raster import _line_corners as line_corners

COLOR = (40, 80, 120)
SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))
PLACES = st.integers(-60, 150)


def painted(size: tuple[int, int], spans: Spans) -> np.ndarray:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    paint(image, spans, np.array([COLOR] * (int(spans.shape.max(initial=0)) + 1), np.uint8))
    return image


def blank(size: tuple[int, int]) -> np.ndarray:
    return np.zeros((size[1], size[0], 3), np.uint8)


@given(SIZES, PLACES, PLACES, st.integers(0, 25))
def test_discs(size: tuple[int, int], x: int, y: int, radius: int) -> None:
    expected = cv2.circle(blank(size), (x, y), radius, COLOR, thickness=-1)
    np.testing.assert_array_equal(painted(size, discs(np.array([[x, y]]), radius)), expected)


@given(SIZES, PLACES, PLACES, st.integers(0, 300), st.integers(1, 12), st.integers(-180, 180))
def test_ellipses(size: tuple[int, int], x: int, y: int, length: int, width: int, degrees: int) -> None:
    corners = ellipse_corners(np.array([[x, y]]), np.array([length]), width, np.array([degrees]))
    polygon = cv2.ellipse2Poly((x, y), (length, width), degrees, 0, 360, 1)
    changes = (np.diff(corners[0], axis=0, prepend=np.iinfo(int).max) != 0).any(axis=1)
    np.testing.assert_array_equal(corners[0, changes], polygon)
    expected = cv2.fillConvexPoly(blank(size), np.array(polygon), COLOR)
    np.testing.assert_array_equal(painted(size, polygons(corners, *size)), expected)


@given(st.lists(st.integers(10, 50), min_size=4, max_size=4), st.integers(2, 9))
def test_lines_inside(ends: list[int], thickness: int) -> None:
    size = 61, 63
    expected = cv2.line(blank(size), ends[:2], ends[2:], COLOR, thickness)
    np.testing.assert_array_equal(painted(size, lines(np.array([ends]), thickness, *size)), expected)


@given(SIZES, st.lists(PLACES, min_size=4, max_size=4), st.integers(2, 9))
def test_lines_across_the_border(size: tuple[int, int], ends: list[int], thickness: int) -> None:
    expected = blank(size)
    for corners in line_corners(np.array([ends]), thickness)[0]:
        cv2.fillConvexPoly(expected, corners.astype(np.int32), COLOR, shift=16)
    for end in (ends[:2], ends[2:]):
        cv2.circle(expected, end, (thickness + 1) // 2, COLOR, thickness=-1)
    np.testing.assert_array_equal(painted(size, lines(np.array([ends]), thickness, *size)), expected)


def test_far_places_are_no_trouble() -> None:
    far = 2**20
    line = painted((20, 10), lines(np.array([[5, 5, far, far]]), 2, 20, 10))
    assert line[range(10), range(10)].any(axis=1).tolist() == [False] * 5 + [True] * 5
    corners = ellipse_corners(np.array([[10, 5]]), np.array([far]), 4, np.array([0]))
    assert painted((20, 10), polygons(corners, 20, 10))[1:].any(axis=2).all()


def test_later_shapes_lie_over_earlier_ones() -> None:
    image = blank((9, 9))
    first, second = discs(np.array([[3, 4]]), 3), discs(np.array([[5, 4]]), 3).labelled(np.array([1]))
    paint(image, Spans.joined(second, first), np.array([[1, 1, 1], [2, 2, 2]], np.uint8))
    assert image[4, :, 0].tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 2]


def test_nothing_paints_nothing() -> None:
    none = lines(np.zeros((0, 4), int), 2, 5, 5), discs(np.zeros((0, 2), int), 4)
    assert not painted((5, 5), Spans.joined(*none)).any()
    assert not len(polygons(np.zeros((0, 361, 2), int), 5, 5).row)
