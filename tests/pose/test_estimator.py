import numpy as np
import pytest

from animatex_core.pose.estimator import DEVIATION, MEAN, Region, crop, decode_points, region_around

WHOLE = Region(np.array([144.0, 192.0]), np.array([288.0, 384.0]))


@pytest.mark.parametrize(
    ("box", "size"),
    [((0, 0, 300, 100), (375, 500)), ((0, 0, 100, 400), (375, 500)), ((10, 10, 10, 10), (0, 0))],
    ids=["wide", "high", "nothing"],
)
def test_a_box_is_grown_and_stretched_to_the_aspect_of_the_model(
    box: tuple[float, ...], size: tuple[float, float]
) -> None:
    region = region_around(np.array(box, np.float32))
    assert tuple(region.size) == size
    assert tuple(region.centre) == ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def test_the_image_is_blue_green_red_with_the_statistics_of_red_green_blue() -> None:
    frame = np.zeros((384, 288, 3), np.uint8)
    frame[..., 2] = 255
    image = crop(frame, WHOLE)
    expected = (np.array([255, 0, 0]) - MEAN) / DEVIATION
    assert image.shape == (3, 384, 288)
    np.testing.assert_allclose(image[:, 100, 100], expected, rtol=1e-6)


def test_outside_of_the_frame_is_black() -> None:
    image = crop(np.full((10, 10, 3), 255, np.uint8), WHOLE)
    np.testing.assert_allclose(image[:, 200, 200], -np.array(MEAN) / DEVIATION, rtol=1e-6)


def simcc(x: int, y: int, score_x: float, score_y: float) -> tuple[np.ndarray, np.ndarray]:
    both = np.full((133, 576), -1, np.float32), np.full((133, 768), -1, np.float32)
    both[0][:, x], both[1][:, y] = score_x, score_y
    return both


def test_bins_become_pixels_of_the_frame() -> None:
    region = Region(np.array([100.0, 50.0]), np.array([72.0, 96.0]))
    points, scores = decode_points(*simcc(0, 767, 0.9, 0.4), region)
    np.testing.assert_allclose(points[7], [64.0, 2 + 767 / 8])
    assert scores.tolist() == [np.float32(0.4)] * 133


@pytest.mark.parametrize("score", [0.0, -0.2])
def test_a_point_without_a_score_above_0_lies_at_bin_minus_one(score: float) -> None:
    points, scores = decode_points(*simcc(10, 20, 0.9, score), WHOLE)
    assert points[3].tolist() == [-0.5, -0.5]
    assert scores[3] == np.float32(score)
