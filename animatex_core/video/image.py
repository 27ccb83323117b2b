"""Reading images as sRGB with alpha, and writing them, with Pillow."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ..errors import InvalidInput, OutOfMemory
from ..utils.files import atomic_write
from ..utils.text import first_sentence
from ..utils.validation import require_file
from .image_colour import blend_on_white, colour_reader

Frame = NDArray[np.uint8]
"""(h, w, 3) uint8, RGB."""

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "PPM", "TGA")
MAX_PIXELS = 100_000_000  # 10,000 by 10,000: 300 MB of RGB
MAX_SIDE = 1 << 15
MAX_FILE_BYTES = 1 << 30  # MAX_PIXELS of four uncompressed 16-bit channels are 0.8 GB
TILE_SIDES = (322, 323)  # TIFF's tags for the size of a tile, which is not limited otherwise
# What Pillow's decoders raise for damaged files, depending on the format.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(RuntimeError, AssertionError, BufferError, struct.error, zlib.error),
)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")  # modes
STRAIGHT = {"RGBa": "RGBA", "La": "LA", "P": "RGBA", "PA": "RGBA"}  # modes without premultiplied alpha
ROTATED_ORIENTATIONS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
BAND_PIXELS = 1 << 22  # converted at once
QUALITY = 95  # of JPEG and WebP


@dataclass(frozen=True)
class LoadedImage:
    """An image.

    Attributes:
        rgb: (h, w, 3) uint8; transparent parts are blended with white.
        alpha: (h, w) uint8; None if the image is opaque.

    """

    rgb: Frame
    alpha: NDArray[np.uint8] | None = None

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.rgb.shape[1] / self.rgb.shape[0]


def read_image(path: str | Path) -> LoadedImage:
    """Read an image with 8 or 16 bits per channel, rotated by its EXIF; of several frames the first.

    Greys, palettes and CMYK become RGB, and all colours sRGB; see `image_colour`.

    Args:
        path: The file.

    Returns:
        The image.

    Raises:
        InvalidInput: The file is missing, not an image, damaged, has floating-point values, or has more than
            100 million pixels or 32,768 on a side.
        OutOfMemory: There is too little memory for it.

    """
    path = Path(path)
    require_file(path, "image")
    with open_image(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return _converted(path, image)


def read_rgba(path: str | Path) -> NDArray[np.uint8]:
    """Read an image like `read_image`, with straight alpha: (h, w, 4) uint8. Colors are not converted."""
    path = Path(path)
    require_file(path, "image")
    with open_image(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode not in TRANSPARENT and "transparency" not in image.info:
            rgb = _converted(path, image).rgb
            return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
        return np.array(_straight(image).convert("RGBA"))


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of an image as `read_image` returns it, without decoding it."""
    with open_image(Path(path)) as image:
        width, height = image.size
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) in ROTATED_ORIENTATIONS
    return (height, width) if is_turned else (width, height)


def write_image(path: str | Path, rgb: Frame, *, alpha: bool = False) -> Path:
    """Write an image; the file appears only when complete.

    Args:
        path: A .png, .jpg or .webp file; .png or .webp with alpha.
        rgb: (h, w, 3) uint8, or with straight alpha (h, w, 4).
        alpha: Whether the image has alpha.

    Returns:
        The path.

    Raises:
        InvalidInput: The suffix or the array is invalid.
        StorageError: The file cannot be written.

    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise InvalidInput(
            f"{str(path)!r} is not an image name: use one that ends in {', '.join(IMAGE_SUFFIXES)}."
        )
    require_rgb(rgb, "The image", 4 if alpha else 3)
    with atomic_write(path) as file:
        Image.fromarray(rgb).save(file, Image.registered_extensions()[suffix], quality=QUALITY)
    return path


def require_rgb(picture: object, name: str, channels: int = 3) -> None:
    """Raise InvalidInput unless an image is a non-empty numpy array, (h, w, channels) uint8."""
    if not isinstance(picture, np.ndarray):
        raise InvalidInput(f"{name} is of type {type(picture).__name__}, but it must be a numpy array.")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != channels or not picture.size:
        raise InvalidInput(
            f"{name} is {picture.dtype} of shape {picture.shape}, but it must be uint8 of shape "
            f"(h, w, {channels})."
        )


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image whose size can be decoded; errors of decoding it in the block are converted too.

    Args:
        path: The file.

    Yields:
        The image, not decoded yet.

    Raises:
        InvalidInput: It is not an image, damaged or too large.
        OutOfMemory: There is too little memory for it.

    """
    name = repr(str(path))
    try:
        _check_file(path, name)
        with Image.open(path, formats=supported_formats()) as image:
            _check_size(image, name)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidInput(f"The image {name} is too large ({error}): make it smaller.") from error
    except InvalidInput:
        raise
    except MemoryError as error:
        raise OutOfMemory(f"There is too little memory for the image {name}: make it smaller.") from error
    except UnidentifiedImageError as error:
        raise InvalidInput(
            f"{name} is not an image, or its format is not supported: save it again as PNG or JPEG."
        ) from error
    except DAMAGE as error:
        raise InvalidInput(
            f"{name} is not an image, or it is damaged ({first_sentence(error)}): save it again as PNG or "
            "JPEG."
        ) from error


def supported_formats() -> list[str]:
    """Return the supported formats that this version of Pillow has."""
    Image.init()
    return [each for each in FORMATS if each in Image.OPEN]


def _check_file(path: Path, name: str) -> None:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidInput(f"The image {name} is larger than {MAX_FILE_BYTES:,} bytes: make it smaller.")
    with path.open("rb") as file:
        canvas = _webp_canvas(file.read(30))
    if canvas is not None:  # libwebp allocates it when the file is opened
        _check_sides(*canvas, name)


def _webp_canvas(head: bytes) -> tuple[int, int] | None:
    """Return width and height of an animated or otherwise extended WebP."""
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
            f"The image {name} has {width}x{height} pixels, but the maximum is {MAX_PIXELS:,}, and "
            f"{MAX_SIDE:,} on a side: make it smaller."
        )


def _converted(path: Path, image: Image.Image) -> LoadedImage:
    if image.mode == "F":
        raise InvalidInput(f"The image {str(path)!r} has floating-point values: save it with 8 or 16 bits.")
    deep = image.mode.startswith("I")
    has_alpha = not deep and (image.mode in TRANSPARENT or "transparency" in image.info)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    alpha = np.full((image.height, image.width) if has_alpha else (0, 0), 255, np.uint8)
    to_rgb = colour_reader(path, image)
    for rows in _bands(image):  # converting a band takes several times its memory
        band = image.crop((0, rows.start, image.width, rows.stop))
        band = _shallow(band) if deep else band
        if has_alpha:
            alpha[rows] = np.asarray(band.convert("RGBA").getchannel("A"))
            rgb[rows] = blend_on_white(np.dstack([to_rgb(_straight(band)), alpha[rows]]))
        else:
            rgb[rows] = to_rgb(band)
    return LoadedImage(rgb, None if (alpha == 255).all() else alpha)


def _bands(image: Image.Image) -> Iterator[slice]:
    image.load()
    height = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, height):
        yield slice(top, min(top + height, image.height))


def _shallow(image: Image.Image) -> Image.Image:
    """Take the upper byte of 16-bit grey, as Pillow does for colours: its own conversion clips greys."""
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255).astype(np.uint8))


def _straight(image: Image.Image) -> Image.Image:
    """Return an image without premultiplied alpha."""
    return image.convert(STRAIGHT[image.mode]) if image.mode in STRAIGHT else image
