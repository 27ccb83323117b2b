import numpy as np
import pytest

from animatex_core.pose.detector import CELLS, decode_people, letterbox, nms

BOX = (100.0, 100.0, 200.0, 300.0)


def row(box: tuple[float, float, float, float], score: float, column: int = 5) -> np.ndarray:
    """A row for cell 0 (stride 8) of a box with a class's score."""
    left, top, right, bottom = box
    values = np.zeros(85, np.float32)
    values[:4] = (left + right) / 16, (top + bottom) / 16, *np.log([(right - left) / 8, (bottom - top) / 8])
    values[4], values[column] = 1, score
    return values


def decoded(*rows: np.ndarray, ratio: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Each row is put into cell 0 of the grid; several are distinguished by shifting them back."""
    output = np.zeros((CELLS, 85), np.float32)
    for index, values in enumerate(rows):
        output[index] = values
        output[index, 0] -= index
    return decode_people(output, ratio)


def test_a_wide_frame_lies_at_the_top_and_its_channels_are_turned() -> None:
    frame = np.zeros((90, 160, 3), np.uint8)
    frame[..., 0] = 200
    image = letterbox(frame)
    assert image.shape == (3, 640, 640)
    assert image.dtype == np.float32
    assert (image[:, 0, 0].tolist(), image[:, 359, 639].tolist()) == ([0, 0, 200], [0, 0, 200])
    assert (image[:, 360:] == 114).all()


@pytest.mark.parametrize(("height", "width"), [(1, 2000), (2000, 1), (1, 1), (641, 640)])
def test_frames_of_any_form_are_taken(height: int, width: int) -> None:
    assert letterbox(np.full((height, width, 3), 7, np.uint8))[:, 0, 0].tolist() == [7, 7, 7]


def test_a_box_is_scaled_back_to_the_frame() -> None:
    boxes, scores = decoded(row(BOX, 0.8), ratio=0.5)
    np.testing.assert_allclose(boxes, [[200, 200, 400, 600]], rtol=1e-5)
    assert scores.tolist() == [np.float32(0.8)]


@pytest.mark.parametrize(("score", "count"), [(0.29, 0), (0.3, 0), (0.31, 1)])
def test_the_least_score(score: float, count: int) -> None:
    boxes, scores = decoded(row(BOX, score))
    assert (boxes.shape, scores.shape) == ((count, 4), (count,))


def test_other_classes_neither_count_nor_suppress() -> None:
    _, scores = decoded(row(BOX, 0.9, column=6), row(BOX, 0.5))
    assert scores.tolist() == [0.5]


def test_the_best_comes_first_and_suppresses_what_overlaps_it() -> None:
    near, far = (105.0, 100.0, 205.0, 300.0), (300.0, 100.0, 400.0, 300.0)
    boxes, _ = decoded(row(near, 0.6), row(far, 0.7), row(BOX, 0.9))
    np.testing.assert_allclose(boxes, [BOX, far], rtol=1e-5)


@pytest.mark.parametrize(("shift", "kept"), [(3, [0]), (4, [0, 1])])
def test_overlap_counts_both_borders(shift: float, kept: list[int]) -> None:
    # Ten pixels counted with both borders: 7 of 13 are shared at a shift of 3, 6 of 14 at one of 4.
    boxes = np.array([[0, 0, 9, 9], [shift, 0, shift + 9, 9]], np.float32)
    assert nms(boxes, np.array([0.9, 0.8], np.float32)) == kept


def test_the_grids_of_all_three_strides() -> None:
    output = np.zeros((CELLS, 85), np.float32)
    for index, stride in ((81, 8), (6400 + 41, 16), (8000 + 21, 32)):
        output[index, [2, 3]] = np.log(2 * 4 / stride)
        output[index, 4:6] = 1
    boxes, _ = decode_people(output, 1.0)
    centres = sorted(((boxes[:, :2] + boxes[:, 2:]) / 2).tolist())
    assert centres == [[8, 8], [16, 16], [32, 32]]
