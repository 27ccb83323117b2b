import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animatex_core.pose.resize import resize, warp

SIDES = st.integers(1, 70)
SIZE = (36, 48)
WHOLE = (288, 384)  # OpenCV computes the columns beyond the last 32 with other instructions


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_resize_equals_opencv_to_the_last_bit(h: int, w: int, height: int, width: int, seed: int) -> None:
    image = noise(h, w, seed)
    expected = cv2.resize(image, (width, height)).transpose(2, 0, 1)
    np.testing.assert_array_equal(resize(image, width, height), expected)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(1080, 1920, (640, 360)), (1280, 720, (360, 640)), (97, 61, (402, 640)), (640, 640, (640, 640))],
    ids=["third", "half", "larger", "same"],
)
def test_resize_at_the_sizes_of_videos(height: int, width: int, size: tuple[int, int]) -> None:
    image = noise(height, width)
    np.testing.assert_array_equal(resize(image, *size), cv2.resize(image, size).transpose(2, 0, 1))


@pytest.mark.parametrize("factor", range(1, 8))
def test_resize_to_a_whole_fraction_equals_opencv(factor: int) -> None:
    image = noise(40 * factor, 33 * factor)
    np.testing.assert_array_equal(resize(image, 33, 40), cv2.resize(image, (33, 40)).transpose(2, 0, 1))


@pytest.mark.skipif(cv2.__version__ < "5", reason="older versions round places to 1/32 pixel")
@pytest.mark.parametrize("seed", range(12))
def test_warp_to_the_size_of_the_model_equals_opencv_to_the_last_bit(seed: int) -> None:
    random = np.random.default_rng(seed)
    h, w = random.integers(2, 900, 2)
    image, origin, step = noise(h, w, seed), random.uniform(-60, 400, 2), random.uniform(0.05, 4, 2)
    inverse = np.array([[step[0], 0, origin[0]], [0, step[1], origin[1]]])
    expected = cv2.warpAffine(image, inverse, WHOLE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    np.testing.assert_array_equal(warp(image, tuple(origin), tuple(step), WHOLE), expected.transpose(2, 0, 1))


@pytest.mark.skipif(cv2.__version__ < "5", reason="older versions round places to 1/32 pixel")
@settings(max_examples=200, deadline=None)
@given(
    SIDES,
    SIDES,
    st.tuples(*[st.floats(-90, 90)] * 2),
    st.tuples(*[st.floats(0.05, 4)] * 2),
    st.integers(0, 99),
)
def test_warp_to_other_sizes_equals_opencv_within_rounding(
    h: int, w: int, origin: tuple[float, float], step: tuple[float, float], seed: int
) -> None:
    image = noise(h, w, seed)
    inverse = np.array([[step[0], 0, origin[0]], [0, step[1], origin[1]]])
    expected = cv2.warpAffine(image, inverse, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    difference = np.abs(warp(image, origin, step, SIZE).astype(int) - expected.transpose(2, 0, 1))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 0.01


def test_warp_is_black_outside_however_far() -> None:
    image = np.full((8, 8, 3), 200, np.uint8)
    for origin in ((1e12, 0.0), (-1e12, 0.0), (0.0, 8.0), (0.0, -50.0)):
        assert not warp(image, origin, (1.0, 1.0), SIZE).any()


def test_warp_mixes_the_border_with_black() -> None:
    image = np.full((4, 4, 3), 200, np.uint8)
    row = warp(image, (-1.5, 0.0), (1.0, 1.0), (6, 1))[0, 0]
    assert row.tolist() == [0, 100, 200, 200, 200, 100]


def test_a_view_with_reversed_channels_or_rows_is_sampled_as_its_copy() -> None:
    image = noise(30, 20)
    for view in (image[..., ::-1], image[::-1], image[::2, 1::3]):
        np.testing.assert_array_equal(resize(view, 17, 23), resize(view.copy(), 17, 23))
    for view in (image[..., ::-1], image[::-1], image[:, ::-1]):
        np.testing.assert_array_equal(resize(view, 10, 15), resize(view.copy(), 10, 15))
