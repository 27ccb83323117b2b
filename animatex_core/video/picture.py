"""Pictures in files: PNG, JPEG, WebP and what else `image_files` reads, as RGB and its alpha."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from ..checks import require_file
from ..errors import InvalidInput
from ..placement import placed
from .frame import Frame, on_white, require_rgb
from .image_files import open_image
from .picture_colour import colour_reader

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")  # modes
STRAIGHT = {"RGBa": "RGBA", "La": "LA", "P": "RGBA", "PA": "RGBA"}  # modes without premultiplied colours
TURNED = (5, 6, 7, 8)  # EXIF's orientations that swap width and height
BAND_PIXELS = 1 << 22  # converted at once
QUALITY = 95  # of JPEG and WebP


@dataclass(frozen=True)
class Picture:
    """rgb: (h, w, 3) uint8, transparent parts laid on white; alpha: (h, w) uint8, None where opaque."""

    rgb: Frame
    alpha: NDArray[np.uint8] | None = None

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.rgb.shape[1] / self.rgb.shape[0]


def read_picture(path: str | Path) -> Picture:
    """Read a picture of 8 or 16 bits a channel, turned as its EXIF says; of several frames the first.

    Greys, palettes and CMYK become RGB, and all colours sRGB, as `picture_colour` says.
    Raises InvalidInput for what is missing, no picture, damaged, of floating-point values, of more than
    100 million pixels or more than 32,768 along a side.
    """
    path = Path(path)
    require_file(path, "picture")
    with open_image(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return _converted(path, image)


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of a picture as `read_picture` gives it, without decoding it."""
    with open_image(Path(path)) as image:
        width, height = image.size
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
    return (height, width) if is_turned else (width, height)


def write_picture(path: str | Path, rgb: Frame) -> Path:
    """Write (h, w, 3) uint8 as .png, .jpg or .webp and return its path; it appears when it is whole.

    Raises InvalidInput, StorageError.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise InvalidInput(
            f"{str(path)!r} cannot become a picture: end its name in {', '.join(PICTURE_SUFFIXES)}."
        )
    require_rgb(rgb, "The picture")
    with placed(path) as file:
        Image.fromarray(rgb).save(file, Image.registered_extensions()[suffix], quality=QUALITY)
    return path


def _converted(path: Path, image: Image.Image) -> Picture:
    if image.mode == "F":
        raise InvalidInput(f"The picture {str(path)!r} has floating-point values: save it with 8 or 16 bits.")
    deep = image.mode.startswith("I")
    has_alpha = not deep and (image.mode in TRANSPARENT or "transparency" in image.info)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    alpha = np.full((image.height, image.width) if has_alpha else (0, 0), 255, np.uint8)
    to_rgb = colour_reader(path, image)
    for rows in _bands(image):  # each of them is converted through several copies of itself
        band = image.crop((0, rows.start, image.width, rows.stop))
        band = _shallow(band) if deep else band
        if has_alpha:
            alpha[rows] = np.asarray(band.convert("RGBA").getchannel("A"))
            rgb[rows] = on_white(np.dstack([to_rgb(_straight(band)), alpha[rows]]))
        else:
            rgb[rows] = to_rgb(band)
    return Picture(rgb, None if (alpha == 255).all() else alpha)


def _bands(image: Image.Image) -> Iterator[slice]:
    image.load()
    height = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, height):
        yield slice(top, min(top + height, image.height))


def _shallow(image: Image.Image) -> Image.Image:
    """Take the upper byte of 16 bits of grey, as Pillow does of colours: its own conversion clips greys."""
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255).astype(np.uint8))


def _straight(image: Image.Image) -> Image.Image:
    """Return an image whose colours are not multiplied by its alpha."""
    return image.convert(STRAIGHT[image.mode]) if image.mode in STRAIGHT else image
