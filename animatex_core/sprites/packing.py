"""Place sprites on a sheet: on shelves, tallest first, at the width that gives the smallest sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from ..errors import InvalidInput

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
