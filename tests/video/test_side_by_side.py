"""Videos and images next to each other."""

import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.video.side_by_side import side_by_side


def grey(value: int, *shape: int) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


def test_columns_stand_beside_each_other_at_one_height() -> None:
    frames = list(
        side_by_side([grey(10, 40, 20), iter([grey(20, 10, 10)] * 3), grey(30, 3, 20, 33)], height=20)
    )
    assert [frame.shape for frame in frames] == [(20, 10 + 20 + 32, 3)] * 3
    assert frames[0][0, [0, 10, 30]].tolist() == [[10] * 3, [20] * 3, [30] * 3]


@pytest.mark.parametrize(("width", "wide"), [(1, 2), (33, 32), (35, 36), (36, 36)])
def test_widths_are_even(width: int, wide: int) -> None:
    (frame,) = side_by_side([grey(0, 1, 64, width)], height=64)
    assert frame.shape == (64, wide, 3)


def test_the_shortest_video_ends_it() -> None:
    assert len(list(side_by_side([grey(0, 5, 4, 4), grey(0, 3, 4, 4)], height=4))) == 3


@pytest.mark.parametrize(("columns", "height"), [([], 4), ([grey(0, 4, 4)], 4), ([grey(0, 1, 4, 4)], 0)])
def test_what_cannot_move_is_refused(columns: list[np.ndarray], height: int) -> None:
    with pytest.raises(InvalidInput):
        side_by_side(columns, height=height)
