"""The part of each frame that a sprite sheet stores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from .settings import Trim


@dataclass(frozen=True)
class Rect:
    """A rectangle in pixels."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return this part of an image (h, w, c)."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def trimmed(frames: Sequence[np.ndarray], trim: Trim) -> list[Rect]:
    """Find what to store of each frame.

    Args:
        frames: (h, w, 4) uint8 each.
        trim: See `SheetSettings`.

    Returns:
        One rectangle for each frame. A transparent frame is stored as one pixel.

    Raises:
        InvalidInput: All frames are transparent.

    """
    boxes = [_content(frame) for frame in frames]
    visible = [box for box in boxes if box is not None]
    if not visible:
        raise InvalidInput(
            "All frames are transparent, so there is nothing to put on the sheet: check the mask or the "
            "cut-out."
        )
    if trim == "each frame":
        return [Rect(0, 0, 1, 1) if box is None else box for box in boxes]
    height, width, _ = frames[0].shape
    return [Rect(0, 0, width, height) if trim == "off" else _union(visible)] * len(frames)


def _content(frame: np.ndarray) -> Rect | None:
    visible = frame[..., 3] > 0
    rows, columns = visible.any(axis=1).nonzero()[0], visible.any(axis=0).nonzero()[0]
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return Rect(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def _union(boxes: Sequence[Rect]) -> Rect:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Rect(left, top, right - left, bottom - top)
