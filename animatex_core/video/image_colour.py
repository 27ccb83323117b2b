"""Conversion of image files to sRGB, by their ICC profile or other colour information."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ..errors import warn
from .colour import SRGB, Conversion
from .stream_colour import conversion_for_code_points

ToRgb = Callable[[Image.Image], NDArray[np.uint8]]

MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # pixel modes, by the colour space of a profile
SRGB_CHROMATICITY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # white, red, green, blue
SRGB_GAMMA = 0.45455
NEAR = 0.005
GAMMAS = (0.1, 10.0)  # plausible values
ADOBE_RGB = Conversion(563 / 256, ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290)))
INTEROPERABILITY, ADOBE_NAME = 0xA005, "R03"  # EXIF: what cameras write for Adobe RGB
PNG_HEAD_BYTES = 1 << 20  # searched for the chunk with colour information
BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError, RuntimeError)


def colour_reader(path: Path, image: Image.Image) -> ToRgb:
    """Return a function that converts parts of an image to (h, w, 3) uint8 sRGB, without alpha.

    The ICC profile decides, including CMYK and grey ones; without one, cICP, gAMA and cHRM of PNG, nclx of
    AVIF, or EXIF that names Adobe RGB. If a profile cannot be used, an AnimateXWarning is issued and the
    image is taken for sRGB.

    Args:
        path: The file.
        image: The opened image.

    Returns:
        The function.

    """
    coded = _coded(path, image)
    if coded is not None:
        return lambda part: coded.image(_plain(part))
    profile = image.info.get("icc_profile")
    if image.mode == "LAB" or profile:
        try:
            return _by_profile(image, profile)
        except BROKEN as error:
            fault = f"The colour profile of the image {str(path)!r} cannot be used ({_reason(error)})"
            warn(f"{fault}: its colours are taken for sRGB.", stacklevel=4)
            return _plain
    stated = _stated(image)
    return _plain if stated is None else lambda part: stated.image(_plain(part))


def _plain(part: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(part.convert("RGB"))


def _by_profile(image: Image.Image, profile: bytes | None) -> ToRgb:
    source = ImageCms.ImageCmsProfile(BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    mode = "LAB" if image.mode == "LAB" else _mode(image, source)
    intent = ImageCms.Intent(ImageCms.getDefaultIntent(source)) if profile else ImageCms.Intent.PERCEPTUAL
    target = ImageCms.createProfile("sRGB")
    flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.HIGHRESPRECALC
    transform = ImageCms.buildTransform(source, target, mode, "RGB", intent, flags)

    def convert(part: Image.Image) -> NDArray[np.uint8]:
        converted = ImageCms.applyTransform(part if part.mode == mode else part.convert(mode), transform)
        assert converted is not None
        return np.asarray(converted)

    if mode != "L":
        return convert
    # Exact but slow, so each level is converted once: the fast conversion is off by 10 in dark linear light.
    table = convert(Image.fromarray(np.arange(256, dtype=np.uint8)[None]))[0]
    return lambda part: table[np.asarray(part.convert("L"))]


def _mode(image: Image.Image, source: ImageCms.ImageCmsProfile) -> str:
    """Return the mode that a profile takes; raises ValueError if it does not match the image."""
    space = source.profile.xcolor_space.strip()
    mode = MODES.get(space)
    is_grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    if mode is None or (mode == "CMYK") != (image.mode == "CMYK") or (mode == "L" and not is_grey):
        raise ValueError(f"it is for {space or 'no colours'}, but the image is {image.mode}")
    return mode


def _coded(path: Path, image: Image.Image) -> Conversion | None:
    """Return the conversion for code points of ITU-T H.273, which override a profile."""
    if image.format not in ("PNG", "AVIF"):
        return None
    with path.open("rb") as file:
        head = file.read(PNG_HEAD_BYTES)
    if image.format == "PNG":
        before = head.partition(b"IDAT")[0]
        place = before.find(b"\x00\x00\x00\x04cICP")
        return (
            conversion_for_code_points(*before[place + 8 : place + 10])
            if 0 <= place <= len(before) - 12
            else None
        )
    place = head.find(b"colrnclx")
    if place < 0 or "icc_profile" in image.info:
        return None
    return conversion_for_code_points(*struct.unpack_from(">HH", head.ljust(place + 12, b"\0"), place + 8))


def _stated(image: Image.Image) -> Conversion | None:
    """Return the conversion that gAMA and cHRM of a PNG, or the EXIF of a camera, specify."""
    if image.info.get("srgb") is not None:
        return None
    if image.getexif().get_ifd(INTEROPERABILITY).get(1) == ADOBE_NAME:
        return ADOBE_RGB
    if image.format != "PNG":
        return None
    gamma = float(image.info.get("gamma", SRGB_GAMMA))
    is_srgb = abs(gamma - SRGB_GAMMA) < NEAR or not GAMMAS[0] < gamma < GAMMAS[1]
    points = _chromaticity(image)
    if is_srgb and points == SRGB_CHROMATICITY:
        return None
    white, red, green, blue = zip(points[::2], points[1::2], strict=True)
    return Conversion(SRGB if is_srgb else 1 / gamma, (red, green, blue, white))


def _chromaticity(image: Image.Image) -> tuple[float, ...]:
    """Return x, y of white, red, green and blue; those of sRGB if the file has no plausible ones."""
    points = tuple(float(value) for value in image.info.get("chromaticity", ()))
    if len(points) != 8 or not _possible(points) or np.allclose(points, SRGB_CHROMATICITY, atol=NEAR):
        return SRGB_CHROMATICITY
    return points


def _possible(points: tuple[float, ...]) -> bool:
    """Return whether primaries span a gamut: files with zeros, or all at one point, exist."""
    red, green, blue = (np.array(points[index : index + 2]) for index in (2, 4, 6))
    area = np.linalg.det(np.stack([green - red, blue - red]))
    return abs(area) > 0.01 and min(points[1::2]) > 0


def _reason(error: BaseException) -> str:
    return str(error).strip().rstrip(".").splitlines()[0] if str(error).strip() else type(error).__name__


def blend_on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blend (h, w, 4) uint8 with straight alpha over white, rounded to the nearest value."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)
