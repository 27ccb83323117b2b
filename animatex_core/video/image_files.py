"""Pictures opened by Pillow, with what a stranger's file may ask for decided here.

Only formats that Pillow decodes within this process and from the file alone: others start programs (EPS calls
Ghostscript), read other files, or are seldom tested. Sizes are those of the header, refused before decoding.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..errors import InvalidInput, OutOfMemory
from ..wording import reason_of

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "PPM", "TGA")
MAX_PIXELS = 100_000_000  # ten thousand by ten thousand: 300 MB of RGB
MAX_SIDE = 1 << 15
MAX_FILE_BYTES = 1 << 30  # uncompressed, 16 bits of four channels of all these pixels are 0.8 GB
TILE_SIDES = (322, 323)  # TIFF's tags of a tile's width and height, which have no other bound
# What Pillow's decoders raise for damaged files, by kind of file.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(RuntimeError, AssertionError, BufferError, struct.error, zlib.error),
)


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open a picture of a size that can be decoded; errors of decoding it in the block become ours.

    Raises InvalidInput for what is no picture, damaged or too large, OutOfMemory.
    """
    name = repr(str(path))
    try:
        _check_file(path, name)
        with Image.open(path, formats=known_formats()) as image:
            _check_size(image, name)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidInput(f"The picture {name} is too large ({error}): make it smaller.") from error
    except InvalidInput:
        raise
    except MemoryError as error:
        raise OutOfMemory(f"There is too little memory for the picture {name}: make it smaller.") from error
    except UnidentifiedImageError as error:
        raise InvalidInput(
            f"{name} is not a picture, or of a format that is not read: save it again as PNG or JPEG."
        ) from error
    except DAMAGE as error:
        raise InvalidInput(
            f"{name} is not a picture, or a damaged one ({reason_of(error)}): save it again as PNG or JPEG."
        ) from error


def known_formats() -> list[str]:
    """Return the formats of ours that this Pillow has."""
    Image.init()
    return [each for each in FORMATS if each in Image.OPEN]


def _check_file(path: Path, name: str) -> None:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidInput(f"The picture {name} is larger than {MAX_FILE_BYTES:,} bytes: make it smaller.")
    with path.open("rb") as file:
        canvas = _webp_canvas(file.read(30))
    if canvas is not None:  # for which libwebp takes memory as soon as it is opened
        _check_sides(*canvas, name)


def _webp_canvas(head: bytes) -> tuple[int, int] | None:
    """Return the width and height of an animated or otherwise extended WebP."""
    if head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X":
        return None
    return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")


def _check_size(image: Image.Image, name: str) -> None:
    _check_sides(*image.size, name)
    if image.format == "TIFF":
        sides = [image.tag_v2.get(tag, 1) for tag in TILE_SIDES]  # type: ignore[attr-defined]
        _check_sides(int(sides[0]), int(sides[1]), name)


def _check_sides(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InvalidInput(
            f"The picture {name} has {width}x{height} pixels, but {MAX_PIXELS:,} are the most, and "
            f"{MAX_SIDE:,} along a side: make it smaller."
        )
