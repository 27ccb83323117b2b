"""Masks of every kind."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.errors import AnimateXError, AnimateXWarning
from animatex_core.retarget.mask_files import read_mask
from animatex_core.retarget.masks import find_character
from tests.inputs.common import Read, refused, same
from tests.retarget.test_mask_files import BOX, BYTE, HEIGHT, KINDS, WIDTH
from tests.video.samples import ffmpeg


def assert_mask(path: Path, word: str = "") -> None:
    found = find_character(read_mask(path))
    if found.box is None:
        raise AnimateXError(found.sentence)
    np.testing.assert_allclose(
        (found.box.left, found.box.top, found.box.right, found.box.bottom), BOX, atol=0.02
    )
    assert word in found.sentence
    for doubt in found.doubts:
        warnings.warn(AnimateXWarning(doubt), stacklevel=1)


def masks(*kinds: str, change: Callable[[Image.Image], Image.Image] = same) -> Read:
    def read(folder: Path) -> None:
        for kind in kinds:
            make, word = KINDS[kind]
            change(make()).save(folder / "mask.png")
            assert_mask(folder / "mask.png", word)

    return read


def several_frames(folder: Path) -> None:
    mask = Image.fromarray(BYTE)
    mask.save(folder / "a.gif", save_all=True, append_images=[Image.fromarray(255 - BYTE)])
    mask.save(folder / "mask.png")
    ffmpeg("-loop", "1", "-i", str(folder / "mask.png"), "-frames:v", "4", str(folder / "a.mp4"))
    for name in ("a.gif", "a.mp4"):
        with pytest.warns(AnimateXWarning):
            assert_mask(folder / name)
    warnings.warn(AnimateXWarning("All gave a warning."), stacklevel=1)


def plain_masks(folder: Path) -> None:
    for value in (0, 255):
        Image.fromarray(np.full((HEIGHT, WIDTH), value, np.uint8)).save(folder / "mask.png")
        refused(assert_mask, folder / "mask.png")
    raise AnimateXError("All were refused.")


def whole_picture(folder: Path) -> None:
    cross = np.zeros((HEIGHT, WIDTH), np.uint8)
    cross[HEIGHT // 2 - 20 : HEIGHT // 2 + 20] = cross[:, WIDTH // 2 - 20 : WIDTH // 2 + 20] = 255
    Image.fromarray(cross).save(folder / "mask.png")
    for doubt in find_character(read_mask(folder / "mask.png")).doubts:
        warnings.warn(AnimateXWarning(doubt), stacklevel=1)


MASKS: dict[str, Read] = {
    "0 and 255, 0 and 1, 1 bit, 16 bits, soft edges": masks(
        "0 and 255", "0 and 1", "1 bit", "16 bits", "soft"
    ),
    "palette or labels of several classes": masks(
        "palette", "palette of several classes", "labels", "several labels"
    ),
    "one colour on black, white or another colour": masks("red", "green", "red on white", "green on red"),
    "alpha": masks("cut out", "white with alpha", "grey with alpha"),
    "inverted": masks("inverted", "inverted 0 and 1", "inverted in 16 bits"),
    "several frames, a video": several_frames,
    "another size with the same aspect ratio": masks(
        "0 and 255", change=lambda mask: mask.resize((WIDTH * 3, HEIGHT * 3))
    ),
    "empty or full": plain_masks,
    "the whole image": whole_picture,
}
