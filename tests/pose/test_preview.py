import numpy as np
import pytest

from animatex_core.pose.draw import draw_poses_over, fit_preview
from tests.retarget.motion import STANDING, figure


@pytest.mark.parametrize(
    ("width", "height", "most", "size"),
    [
        (512, 768, 1e9, (342, 512)),
        (4000, 1000, 1e9, (1024, 256)),
        (64, 64, 1e9, (512, 512)),
        (1, 4000, 1e9, (2, 512)),
        (512, 768, 10_000, (82, 122)),
    ],
)
def test_a_preview_is_of_bounded_size_and_even(
    width: int, height: int, most: float, size: tuple[int, int]
) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    assert fit_preview(image, most).shape == (size[1], size[0], 3)


def test_poses_lie_over_the_dimmed_image() -> None:
    image = np.full((60, 40, 3), 200, np.uint8)
    frames = list(draw_poses_over(image, figure(STANDING, 2)))
    assert len(frames) == 2
    assert (frames[0][0, 0] == 100).all()
    assert (frames[0] != 100).any()
