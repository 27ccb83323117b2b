"""Read masks from files, and interpret their values."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import InvalidInput
from ..utils.validation import require_file
from ..video.files import READ_IMAGE_SUFFIXES, VIDEO_SUFFIXES
from ..video.image import TRANSPARENT, open_image
from ..video.info import probe
from ..video.reader import read_frames

LABELS = 40  # maximum class index in a label map; photos have more levels
BORDER = 255  # label of object borders in Pascal VOC
MAX_LEVELS = 32  # distinct values in a label map
MAX_COLORS = 64  # distinct class colours; more are due to soft edges or compression
NOISE = 16 / 255  # fraction of the value range that compression may add to a uniform image
GREY = 12  # maximum difference between the channels of a grey pixel
MIN_COLORED = 0.001  # fraction of coloured pixels in a colour mask
MIDDLE, MAX_MIDDLE = (0.15, 0.85), 0.4  # a photo has more than this fraction of its pixels in this range
MAX_PIXELS = 1 << 22  # of a mask, which keeps its box exact to less than 0.1 %
DEEP = ("I", "F")  # prefixes of image modes with more than 8 bits


@dataclass(frozen=True)
class MaskPlane:
    """A mask as one channel.

    Attributes:
        values: (h, w) of 0 to 1; above 0.5 is marked.
        marked: Description of marked pixels for users, such as "white".
        unmarked: Description of the other pixels.
        notes: Sentences about what was chosen in the file.
        size: Width and height of the file if `values` was downsampled.

    """

    values: np.ndarray
    marked: str = "white"
    unmarked: str = "black"
    notes: tuple[str, ...] = ()
    size: tuple[int, int] | None = None

    @property
    def is_photo(self) -> bool:
        """Whether so many pixels are neither marked nor unmarked that it may not be a mask."""
        low, high = MIDDLE
        return bool(((self.values > low) & (self.values < high)).mean() > MAX_MIDDLE)


def mask_from_gray(values: np.ndarray) -> MaskPlane:
    """Convert one channel (h, w), with values of 0..1, 0..255 or 16 bits, to a mask."""
    values = np.nan_to_num(np.asarray(values, np.float32), posinf=0, neginf=0)
    full = _full_scale(float(values.max(initial=0)))
    levels = np.unique(values)
    if len(levels) == 1:
        return MaskPlane(np.clip(values / full, 0, 1))
    scaled = np.rint(values * (255 / full if full <= 255 else 1))
    are_labels = _are_labels(levels * (255 / full if full <= 255 else 1))
    if len(levels) == 2 and (are_labels or levels[1] - levels[0] >= NOISE * full):
        return MaskPlane((values - levels[0]) / (levels[1] - levels[0]))
    if are_labels and not _is_white_on_black(scaled):
        return MaskPlane(
            ((scaled > 0) & (scaled != BORDER)).astype(np.float32), "labelled as anything", "labelled 0"
        )
    if levels[-1] - levels[0] < NOISE * full:
        return MaskPlane(np.full_like(values, np.clip(values.mean() / full, 0, 1)))
    return MaskPlane((values - levels[0]) / (levels[-1] - levels[0]))


def mask_from_color(rgb: np.ndarray) -> MaskPlane:
    """Convert an image (h, w, 3) uint8 to a mask: grey, one colour on black, or one colour per class."""
    low, high = rgb.min(axis=2), rgb.max(axis=2)
    if (high - low > GREY).mean() < MIN_COLORED:
        return mask_from_gray(rgb.mean(axis=2))
    if (high <= GREY).mean() < MIN_COLORED:  # nothing is black
        rim = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
        background = np.median(rim, axis=0).astype(np.int16)
        away = np.abs(rgb.astype(np.int16) - background).max(axis=2)
        return MaskPlane(
            mask_from_gray(away).values, "of another color than the border", "of the color of the border"
        )
    values = mask_from_gray(high).values
    if len(np.unique(rgb.reshape(-1, 3), axis=0)) <= MAX_COLORS:
        values = (high > GREY).astype(np.float32)
    return MaskPlane(values, "colored", "black")


def mask_from_alpha(alpha: np.ndarray) -> MaskPlane:
    """Convert an alpha channel (h, w) uint8 to a mask."""
    return MaskPlane(mask_from_gray(alpha).values, "opaque", "transparent")


def _full_scale(largest: float) -> float:
    """Return the maximum of the smallest bit depth that contains a value."""
    return next((scale for scale in (1.0, 255.0, 1023.0, 4095.0) if largest <= scale), 65535.0)


def _is_white_on_black(labels: np.ndarray) -> bool:
    """Return whether 255 is not the border label, because it covers more than all objects together."""
    return bool((labels == BORDER).sum() > ((labels > 0) & (labels != BORDER)).sum())


def _are_labels(levels: np.ndarray) -> bool:
    classes = levels[np.abs(levels - BORDER) > 0.01]
    whole = np.abs(levels - np.rint(levels)) < 0.01
    return bool(len(levels) <= MAX_LEVELS and whole.all() and classes[0] >= 0 and 0 < classes[-1] <= LABELS)


def read_mask(path: str | Path) -> MaskPlane:
    """Read a mask: grey of 1 to 16 bits, colour, palette or alpha.

    Args:
        path: An image, or a video of which the first frame is used.

    Returns:
        The mask, downsampled without interpolation if it has more than four million pixels.

    Raises:
        InvalidInput: The file is neither, is damaged, or is too large.

    """
    path = Path(path)
    require_file(path, "mask")
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES and suffix not in READ_IMAGE_SUFFIXES:
        return _of_video(path)
    with open_image(path) as image:
        count = getattr(image, "n_frames", 1)
        ImageOps.exif_transpose(image, in_place=True)
        plane = replace(_of_image(_reduced(image)), size=image.size)
    return _first_of(plane, path, count) if count > 1 else plane


def _of_video(path: Path) -> MaskPlane:
    frame = next(iter(read_frames(probe(path), indices=[0])), None)
    if frame is None:
        raise InvalidInput(f"The mask {str(path)!r} has no readable frame: give an image.")
    return _first_of(mask_from_color(np.asarray(_reduced(Image.fromarray(frame)))), path)


def _first_of(plane: MaskPlane, path: Path, count: int | None = None) -> MaskPlane:
    words = "is a video with several frames" if count is None else f"has {count} frames"
    note = f"The mask {str(path)!r} {words}, of which the first is used."
    return replace(plane, notes=(note,))


def _reduced(image: Image.Image) -> Image.Image:
    scale = (image.width * image.height / MAX_PIXELS) ** 0.5
    if scale <= 1:
        return image
    size = max(1, round(image.width / scale)), max(1, round(image.height / scale))
    return image.resize(size, Image.Resampling.NEAREST)


def _of_image(image: Image.Image) -> MaskPlane:
    if image.mode.startswith(DEEP):
        return mask_from_gray(np.asarray(image, np.float32))
    if image.mode in TRANSPARENT or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if np.ptp(rgba[..., 3]) >= NOISE * 255:
            return mask_from_alpha(rgba[..., 3])
        return mask_from_color(rgba[..., :3])
    if image.mode in ("L", "1"):
        return mask_from_gray(np.asarray(image.convert("L")))
    return mask_from_color(np.asarray(image.convert("RGB")))
