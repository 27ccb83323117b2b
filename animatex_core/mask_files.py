"""Masks in files: pictures of any kind that Pillow reads, and the first frame of a video."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .checks import require_file
from .errors import InvalidInput
from .retarget.mask_values import MaskPlane, of_alpha, of_color, of_grey
from .video.clip import probe
from .video.files import CLIP_SUFFIXES
from .video.image_files import open_image
from .video.picture import TRANSPARENT
from .video.read import read_frames

MAX_PIXELS = 1 << 22  # of a mask, whose box is then exact to less than one in a thousand
DEEP = ("I", "F")  # how modes of more than 8 bits begin


def read_mask(path: str | Path) -> MaskPlane:
    """Read a mask: grey of 1 to 16 bits, colors, a palette or alpha.

    Args:
        path: A picture, or a video, whose first frame is taken.

    Returns:
        The mask, made smaller without blending where it has more than four million pixels.

    Raises:
        InvalidInput: It is neither, is damaged, or is too large.

    """
    path = Path(path)
    require_file(path, "mask")
    if path.suffix.lower() in CLIP_SUFFIXES and path.suffix.lower() != ".gif":
        return _of_video(path)
    with open_image(path) as image:
        count = getattr(image, "n_frames", 1)
        ImageOps.exif_transpose(image, in_place=True)
        plane = replace(_of_image(_reduced(image)), size=image.size)
    return _first_of(plane, path, count) if count > 1 else plane


def _of_video(path: Path) -> MaskPlane:
    frame = next(iter(read_frames(probe(path), indices=[0])), None)
    if frame is None:
        raise InvalidInput(f"The mask {str(path)!r} has no frame that can be read: give a picture.")
    return _first_of(of_color(np.asarray(_reduced(Image.fromarray(frame)))), path)


def _first_of(plane: MaskPlane, path: Path, count: int | None = None) -> MaskPlane:
    words = "is a video" if count is None else f"has {count} frames"
    note = f"The mask {str(path)!r} {words}, of which the first frame is taken."
    return replace(plane, notes=(note,))


def _reduced(image: Image.Image) -> Image.Image:
    scale = (image.width * image.height / MAX_PIXELS) ** 0.5
    if scale <= 1:
        return image
    size = max(1, round(image.width / scale)), max(1, round(image.height / scale))
    return image.resize(size, Image.Resampling.NEAREST)


def _of_image(image: Image.Image) -> MaskPlane:
    if image.mode.startswith(DEEP):
        return of_grey(np.asarray(image, np.float32))
    if image.mode in TRANSPARENT or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if rgba[..., 3].min() < rgba[..., 3].max():
            return of_alpha(rgba[..., 3])
        return of_color(rgba[..., :3])
    if image.mode in ("L", "1"):
        return of_grey(np.asarray(image.convert("L")))
    return of_color(np.asarray(image.convert("RGB")))
