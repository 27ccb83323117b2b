"""Reference, pose and result in one picture, frame by frame."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import numpy as np
from PIL import Image

from ..errors import InvalidInput
from ..utils.validation import require_int
from .image import Frame

Column = Frame | Iterable[Frame]


def side_by_side(columns: Sequence[Column], height: int) -> Iterator[Frame]:
    """Put columns beside each other: (height, w, 3) uint8 RGB, w even; as many frames as the shortest has.

    columns: clips, each an array (f, h, w, 3) or an iterable of frames (h, w, 3), or single pictures
    (h, w, 3), which stand still; all uint8. Each keeps its shape and is scaled to `height` pixels.
    Raises InvalidInput where no column moves or the height cannot be.
    """
    require_int("height", height)
    moving = [_moving(column, height) for column in columns]
    if all(isinstance(column, repeat) for column in moving):
        raise InvalidInput("None of the columns moves: give one clip or more beside the pictures.")
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
