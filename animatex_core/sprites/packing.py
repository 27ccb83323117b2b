"""How a sprite sheet is laid out: frames are trimmed and placed on shelves."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, get_args

import numpy as np

from ..errors import InvalidInput
from ..utils.validation import is_number, require_int, short_repr

Trim = Literal["each frame", "all frames", "off"]
Form = Literal["hash", "array"]
TRIMS: tuple[str, ...] = get_args(Trim)
FORMS: tuple[str, ...] = get_args(Form)
MAX_TEXTURE = 8192  # pixels on a side that graphics cards of the last ten years take
MAX_SPACING = 256
MAX_RATE = 1000.0


@dataclass(frozen=True)
class SheetSettings:
    """How a sprite sheet is laid out.

    Attributes:
        trim: Cut transparent borders off each frame, cut the same borders off all frames, or keep them.
        padding: Transparent pixels between two sprites, and along the border of the sheet.
        extrude: How often the outermost pixels of a sprite are repeated around it, which avoids seams when
            an engine scales it. 0 repeats none.
        power_of_two: Whether width and height of the sheet are powers of two.
        max_size: Largest width and height of the sheet in pixels.
        form: Frames in the atlas by name ("hash"), or as a list ("array").
        rate: Frames per second to keep; 0 keeps all.

    Raises:
        InvalidInput: A value is out of range.

    """

    trim: Trim = "each frame"
    padding: int = 2
    extrude: int = 0
    power_of_two: bool = False
    max_size: int = MAX_TEXTURE
    form: Form = "hash"
    rate: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (("trim", TRIMS), ("form", FORMS)):
            if getattr(self, name) not in allowed:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}, but it must be one of: {', '.join(allowed)}."
                )
        require_int("padding", self.padding, 0, MAX_SPACING)
        require_int("extrude", self.extrude, 0, MAX_SPACING)
        require_int("max_size", self.max_size, 1)
        if not is_number(self.rate) or not 0 <= self.rate <= MAX_RATE:
            raise InvalidInput(
                f"rate is {short_repr(self.rate)}, but it must be a number: use 0, for all frames, to "
                f"{MAX_RATE:g}."
            )


WIDTHS = 64  # widths that are tried


@dataclass(frozen=True)
class Packing:
    """Where sprites are on a sheet.

    Attributes:
        corners: x and y of the upper left corner of each.
        width: Width of the sheet in pixels.
        height: Its height.

    """

    corners: tuple[tuple[int, int], ...]
    width: int
    height: int


def pack(sizes: Sequence[tuple[int, int]], padding: int, max_size: int, *, power_of_two: bool) -> Packing:
    """Place sprites without overlap.

    Args:
        sizes: Width and height of each in pixels.
        padding: Pixels between two of them, and along the border.
        max_size: Largest width and height of the sheet.
        power_of_two: Whether width and height of the sheet are powers of two.

    Returns:
        The smallest sheet of those tried; of equally small ones, the one nearest to a square.

    Raises:
        InvalidInput: They do not fit.

    """
    cells = [(width + padding, height + padding) for width, height in sizes]
    tried = (_on_shelves(cells, width, padding) for width in _widths(cells, padding, max_size))
    sheets = [_rounded(sheet) if power_of_two else sheet for sheet in tried]
    fitting = [sheet for sheet in sheets if max(sheet.width, sheet.height) <= max_size]
    if not fitting:
        raise _too_large(sizes, cells, padding, max_size)
    return min(fitting, key=lambda sheet: (sheet.width * sheet.height, max(sheet.width, sheet.height)))


def _too_large(
    sizes: Sequence[tuple[int, int]], cells: Sequence[tuple[int, int]], padding: int, max_size: int
) -> InvalidInput:
    side = ceil(sqrt(sum(width * height for width, height in cells)))
    side = max(side, *(max(cell) + padding for cell in cells))
    width, height = (max(axis) for axis in zip(*sizes, strict=True))
    return InvalidInput(
        f"{len(sizes)} sprites of up to {width}x{height} pixels need a sheet of about {side}x{side}, but the "
        f"largest is {max_size}x{max_size}: keep fewer frames with a lower rate, trim them, or use smaller "
        "frames."
    )


def _widths(cells: Sequence[tuple[int, int]], padding: int, max_size: int) -> list[int]:
    least = max(width for width, _ in cells) + padding
    most = min(max_size, sum(width for width, _ in cells) + padding)
    powers = {1 << number for number in range(max_size.bit_length())}
    even = {least + (most - least) * number // (WIDTHS - 1) for number in range(WIDTHS)}
    return sorted(width for width in even | powers if least <= width <= max(most, least))


def _on_shelves(cells: Sequence[tuple[int, int]], limit: int, padding: int) -> Packing:
    order = sorted(range(len(cells)), key=lambda number: (-cells[number][1], -cells[number][0], number))
    corners, left, top, shelf, right = [(0, 0)] * len(cells), padding, padding, 0, 0
    for number in order:
        width, height = cells[number]
        if left + width > limit and left > padding:
            left, top, shelf = padding, top + shelf, 0
        corners[number] = left, top
        left, shelf = left + width, max(shelf, height)
        right = max(right, left)
    return Packing(tuple(corners), right, top + shelf)


def _rounded(sheet: Packing) -> Packing:
    return Packing(sheet.corners, _power(sheet.width), _power(sheet.height))


def _power(size: int) -> int:
    return 1 << (size - 1).bit_length()


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
