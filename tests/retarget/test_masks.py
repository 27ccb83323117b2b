import warnings

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.retarget.character import Box
from animatex_core.retarget.masks import Shows, box_from_mask

FIGURE = np.zeros((100, 50))
FIGURE[20:80, 10:30] = 1
BOX = Box(0.2, 0.2, 0.6, 0.8)
CLOSE = np.zeros((100, 50))  # cropped at the bottom like many portraits
CLOSE[30:, 5:45] = 1


@pytest.mark.parametrize(
    ("mask", "shows", "box"),
    [
        (FIGURE, "automatic", BOX),
        (1 - FIGURE, "automatic", BOX),
        (FIGURE * 0.9, "automatic", BOX),
        (CLOSE, "automatic", Box(0.1, 0.3, 0.9, 1.0)),
        (1 - CLOSE, "automatic", Box(0.1, 0.3, 0.9, 1.0)),
        (FIGURE, "character", BOX),
        (1 - FIGURE, "character", Box(0.0, 0.0, 1.0, 1.0)),
        (1 - FIGURE, "background", BOX),
        (np.ones((4, 2)), "character", Box(0.0, 0.0, 1.0, 1.0)),
        (np.zeros((4, 2)), "background", Box(0.0, 0.0, 1.0, 1.0)),
    ],
)
def test_the_character_is_found_in_a_mask_of_either_kind(mask: np.ndarray, shows: Shows, box: Box) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert box_from_mask(mask, 500, 1000, shows) == box


@pytest.mark.parametrize(
    ("mask", "shows", "kind"),
    [
        (np.zeros((64, 64)), "automatic", "empty"),  # as output by Load Image for opaque images
        (np.zeros((64, 64)), "character", "empty"),
        (np.full((100, 50), 0.4), "automatic", "empty"),
        (np.ones((100, 50)), "automatic", "full"),
        (np.ones((100, 50)), "background", "full"),
    ],
)
def test_a_mask_that_shows_no_character_is_ignored(mask: np.ndarray, shows: Shows, kind: str) -> None:
    with pytest.warns(AnimateXWarning, match=f"The mask is {kind} and is ignored: mark the character"):
        assert box_from_mask(mask, 500, 1000, shows) is None


def test_a_mask_of_another_shape_is_stretched_with_a_warning() -> None:
    with pytest.warns(AnimateXWarning, match="50x100 pixels but the image 640x480: it is stretched"):
        assert box_from_mask(FIGURE, 640, 480) == BOX


def test_masks_of_something_else_are_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"mask_shows is .sky., but it must be one of"):
        box_from_mask(FIGURE, 500, 1000, "sky")  # type: ignore[arg-type]
