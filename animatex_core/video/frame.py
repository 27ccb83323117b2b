"""One picture of a clip, as everything here passes it on."""

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput

Frame = NDArray[np.uint8]
"""(h, w, 3) uint8, RGB."""


def require_rgb(picture: object, name: str) -> None:
    """Raise InvalidInput unless a picture is a numpy array (h, w, 3) uint8 with pixels in it."""
    if not isinstance(picture, np.ndarray):
        raise InvalidInput(f"{name} is of type {type(picture).__name__}, but it must be a numpy array.")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InvalidInput(
            f"{name} is {picture.dtype} of shape {picture.shape}, but it must be uint8 of shape (h, w, 3)."
        )


def on_white(rgba: NDArray[np.uint8]) -> Frame:
    """Lay (h, w, 4) uint8 of straight alpha on white, rounded to the nearest."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)
