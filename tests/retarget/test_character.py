import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.retarget.character import Box, Character


def mask(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    shown = np.zeros((100, 200))
    shown[top:bottom, left:right] = 1
    return shown


@pytest.mark.parametrize("edges", [(10, 90, 20, 60), (0, 100, 0, 200), (50, 51, 7, 8), (0, 1, 0, 200)])
@pytest.mark.parametrize("kind", [bool, float, np.float16])
def test_a_box_fits_its_mask(edges: tuple[int, int, int, int], kind: type) -> None:
    top, bottom, left, right = edges
    found = Box.of_mask(mask(*edges).astype(kind))
    assert found == Box(left / 200, top / 100, right / 200, bottom / 100)


def test_stray_pixels_do_not_widen_the_box() -> None:
    dirty = mask(30, 80, 50, 150)
    dirty[[2, 3, 97], [190, 1, 100]] = 1
    dirty[5:8, 5:8] = 1
    assert Box.of_mask(dirty) == Box(0.25, 0.3, 0.75, 0.8)


def test_stray_pixels_do_not_enlarge_the_box() -> None:
    dusty = np.zeros((1000, 1000))
    dusty[300:800, 200:700] = 1
    dusty[np.arange(1000), np.arange(1000)[::-1]] = 1  # one pixel in every row and column
    assert Box.of_mask(dusty) == Box(0.2, 0.3, 0.7, 0.8)


def test_ears_and_pointed_tips_belong_to_the_figure() -> None:
    eared = mask(40, 100, 60, 140)
    eared[10:40, 70:74] = 1
    assert Box.of_mask(eared).top == 0.1
    rows, columns = np.mgrid[:100, :200]
    triangle = np.abs(columns - 100) <= (rows - 10) / 3
    assert Box.of_mask(triangle).top <= 0.12


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9)), np.full((9, 9), 0.4), np.zeros((0, 0)), np.ones((2, 9, 9))]
)
def test_masks_that_show_nothing_are_rejected(wrong: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="the mask"):
        Box.of_mask(wrong)


def test_alpha_shows_the_figure_only_where_it_hides_something() -> None:
    alpha = (mask(10, 90, 20, 60) * 255).astype(np.uint8)
    alpha[95, :] = 100  # barely visible
    assert Box.of_alpha(alpha) == Box(0.1, 0.1, 0.3, 0.9)
    assert Box.of_alpha(np.full((5, 5), 255, np.uint8)) is None
    assert Box.of_alpha(np.zeros((5, 5), np.uint8)) is None
    assert Box.of_alpha((alpha > 127) * np.uint8(90)) == Box(0.1, 0.1, 0.3, 0.9)


@pytest.mark.parametrize(
    "edges",
    [
        (0.5, 0, 0.5, 1),
        (0.6, 0, 0.5, 1),
        (0, 0.9, 1, 0.1),
        (-0.1, 0, 1, 1),
        (0, 0, 64, 96),
        (np.nan, 0, 1, 1),
    ],
)
def test_invalid_boxes_are_rejected(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidInput, match=r"the box is .* must be left, top"):
        Box(*edges)


def test_a_image_without_size_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="height is 0"):
        Character(10, 0)
