"""Masks for the frames of a video, and the reference with its mask, as users have them."""

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..retarget.masks import SHOWS, SURROUNDING, Shows, fit_mask


def stretch_reference(
    picture: np.ndarray, shown: np.ndarray | None, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Stretch a reference image and where it shows the character to the size of a video.

    Args:
        picture: (h, w, 3) uint8.
        shown: (h, w) bool, None without a mask.
        size: Width and height of the video.

    Returns:
        Both at the size of the video.

    """
    stretched = np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    return stretched, None if shown is None else fit_mask(shown, *size)


def match_masks(masks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return one mask for each frame.

    Args:
        masks: (f, h, w), or (1, h, w) for all frames.
        shape: Number, height and width of the frames.

    Returns:
        (f, h, w).

    Raises:
        InvalidInput: They do not have three dimensions, or size or number differ from those of the frames.

    """
    count, height, width = shape
    if masks.ndim != 3:
        raise InvalidInput(
            f"The masks have shape {masks.shape}, but must have (frames, height, width): give one for each "
            "frame, or a single one with a leading dimension of 1."
        )
    if masks.shape[1:] != (height, width):
        raise InvalidInput(
            f"The masks are {masks.shape[2]}x{masks.shape[1]}, but the frames are {width}x{height}: give "
            "masks of the same size."
        )
    if len(masks) not in (1, count):
        raise InvalidInput(
            f"There are {len(masks)} masks but {count} frames: give one mask for each frame, or one for all."
        )
    return np.broadcast_to(masks, (count, height, width))


def character_masks(masks: np.ndarray, shows: Shows = "automatic") -> np.ndarray:
    """Return masks that are 1 at the character.

    Args:
        masks: (f, h, w) of 0..1.
        shows: What is marked with 1. automatic assumes the background if the marked area surrounds the
            images, as their transparency does.

    Returns:
        (f, h, w) of 0..1.

    Raises:
        InvalidInput: All masks are empty or full, or `shows` has another value.

    """
    if shows not in SHOWS:
        raise InvalidInput(f"mask_shows is {shows!r}, but it must be one of: {', '.join(SHOWS)}.")
    marked = masks > 0.5
    if marked.all() or not marked.any():
        kind = "full" if marked.any() else "empty"
        raise InvalidInput(f"All masks are {kind}: mark the character in them, or leave them out.")
    sides = (marked[:, 0], marked[:, -1], marked[:, :, 0], marked[:, :, -1])
    surrounds = np.concatenate([side.ravel() for side in sides]).mean() > SURROUNDING
    is_background = surrounds if shows == "automatic" else shows == "background"
    return 1 - masks if is_background else masks
