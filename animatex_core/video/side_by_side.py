"""Reference image, poses and result next to each other, frame by frame."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..utils.validation import require_int
from .image import Frame

Column = Frame | Iterable[Frame]


def side_by_side(columns: Sequence[Column], height: int) -> Iterator[Frame]:
    """Put videos and images next to each other.

    Args:
        columns: Videos, each an array (f, h, w, 3) or an iterable of frames (h, w, 3), and still images
            (h, w, 3); all uint8. Each keeps its aspect ratio.
        height: The height of the result in pixels.

    Returns:
        Frames, (height, w, 3) uint8 RGB with even w, as many as the shortest video has.

    Raises:
        InvalidInput: There is no video, or the height is invalid.

    """
    require_int("height", height)
    moving = [_moving(column, height) for column in columns]
    if all(isinstance(column, repeat) for column in moving):
        raise InvalidInput("None of the columns is a video: give at least one video besides the images.")
    return (np.hstack([_scaled(frame, height) for frame in frames]) for frames in zip(*moving, strict=False))


def _moving(column: Column, height: int) -> Iterable[Frame]:
    if isinstance(column, np.ndarray) and column.ndim == 3:
        return repeat(_scaled(column, height))
    return column


def _scaled(frame: Frame, height: int) -> Frame:
    width = max(2, round(frame.shape[1] * height / frame.shape[0] / 2) * 2)
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))
