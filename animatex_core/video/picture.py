"""Pictures in files: any kind that Pillow reads, as RGB and its alpha."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..checks import require_file
from ..errors import InvalidInput
from ..placement import placed
from .frame import Frame, on_white, require_rgb

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MOST_PIXELS = 100_000_000  # ten thousand by ten thousand: 300 MB of RGB
TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")  # modes
# What Pillow raises for damaged files, by kind of file.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error)
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

    Greys, palettes and CMYK become RGB; colour profiles are not applied.
    Raises InvalidInput for what is missing, no picture, damaged, of floating-point values or of more than
    100 million pixels.
    """
    path = Path(path)
    require_file(path, "picture")
    try:
        with Image.open(path) as image:
            _check_size(path, image)
            return _converted(path, ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise InvalidInput(f"The picture {str(path)!r} is too large ({error}): make it smaller.") from error
    except InvalidInput:
        raise
    except DAMAGE as error:
        raise InvalidInput(
            f"{str(path)!r} is not a picture, or a damaged one ({error}): save it again as PNG or JPEG."
        ) from error


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


def _check_size(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise InvalidInput(
            f"The picture {str(path)!r} has {image.width}x{image.height} pixels, but {MOST_PIXELS:,} are "
            "the most: make it smaller."
        )


def _converted(path: Path, image: Image.Image) -> Picture:
    if image.mode == "F":
        raise InvalidInput(f"The picture {str(path)!r} has floating-point values: save it with 8 or 16 bits.")
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 8
        grey = np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255).astype(np.uint8)
        return Picture(np.repeat(grey[..., None], 3, axis=-1))
    if image.mode not in TRANSPARENT and "transparency" not in image.info:
        return Picture(np.array(image.convert("RGB")))
    rgba = np.array(image.convert("RGBA"))
    return Picture(on_white(rgba), None if (rgba[..., 3] == 255).all() else rgba[..., 3].copy())
