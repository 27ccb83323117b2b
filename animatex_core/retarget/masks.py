"""Masks as people have them at hand: of the character, of what is behind it, or of nothing at all."""

import warnings
from typing import Literal, get_args

import numpy as np
from PIL import Image

from ..errors import AnimateXWarning, InvalidInput
from .character import Box

Shows = Literal["automatic", "character", "background"]
SHOWS: tuple[str, ...] = get_args(Shows)
SURROUNDING = 0.5  # part of a picture's rim that a background covers and a character does not
SHAPE_TOLERANCE = 0.02  # part by which a mask's width / height may differ from the picture's


def box_of(mask: np.ndarray, width: int, height: int, shows: Shows = "automatic") -> Box | None:
    """Return the box of the character in a mask (h, w) of 0..1, of any size, over a picture of these pixels.

    shows: what the mask is 1 for. automatic takes it for the background where it surrounds the picture, as a
    picture's own transparency does. A mask that shows no character counts for none, which warns.
    Raises InvalidInput for another `shows`.
    """
    shown = _character(mask, width, height, shows)
    return None if shown is None else Box.of_mask(shown)


def character_mask(
    mask: np.ndarray, width: int, height: int, shows: Shows = "automatic"
) -> np.ndarray | None:
    """Return where the character is, (height, width) bool, from a mask (h, w) of 0..1 of any size.

    Arguments, warnings and errors as for `box_of`; None for a mask that shows no character.
    """
    shown = _character(mask, width, height, shows)
    if shown is None:
        return None
    resized = Image.fromarray(shown).convert("L").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized) > 127


def _character(mask: np.ndarray, width: int, height: int, shows: Shows) -> np.ndarray | None:
    """Where the character is in a mask, (h, w) bool, None where it is nowhere."""
    if shows not in SHOWS:
        raise InvalidInput(f"mask_shows is {shows!r}, but it must be one of: {', '.join(SHOWS)}.")
    _warn_of_shape(mask, width, height)
    shown = mask > 0.5
    if shows == "background" or (shows == "automatic" and _rim(shown).mean() > SURROUNDING):
        shown = ~shown
    if shown.any():
        return shown
    kind = "full" if (mask > 0.5).any() else "empty"
    _warn(f"The mask is {kind} and counts for none: mark the character in it, or take it away.")
    return None


def _rim(shown: np.ndarray) -> np.ndarray:
    return np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])


def _warn_of_shape(mask: np.ndarray, width: int, height: int) -> None:
    shape = mask.shape[1] / mask.shape[0]
    if mask.any() and abs(shape * height / width - 1) > SHAPE_TOLERANCE:
        size = f"{mask.shape[1]}x{mask.shape[0]}"
        _warn(
            f"The mask has {size} pixels but the picture {width}x{height}: it is stretched over the picture."
        )


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=4)
