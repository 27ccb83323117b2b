"""What the files of all tables share."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.errors import AnimateXError, AnimateXWarning

SIDE = 64
LEFT, RIGHT = (200, 60, 40), (40, 90, 210)
Read = Callable[[Path], None]
"""Makes files in a folder, reads each of them, and asserts what came out."""


def picture() -> Image.Image:
    """Return a square of one colour at its left and another at its right."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:, : SIDE // 2], pixels[:, SIDE // 2 :] = LEFT, RIGHT
    return Image.fromarray(pixels)


def same(image: Image.Image) -> Image.Image:
    return image


def refused(read: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(AnimateXError) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)


def outcome(read: Read, folder: Path) -> str:
    """Return what became of the files: "refused", "warning", or "read"."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", AnimateXWarning)
        try:
            read(folder)
        except AnimateXError:
            return "refused"
    return "warning" if any(issubclass(each.category, AnimateXWarning) for each in said) else "read"
