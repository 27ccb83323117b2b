"""ffmpeg filters for a video, chosen by its tags and by what ffmpeg logs of its first frames."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import InvalidInput, warn
from .colour import D65, HLG, PRIMARIES
from .containers import MAX_PIXELS
from .ffmpeg import executable, run
from .first_frame import Geometry, parse_geometry, stored_size, stream_text
from .image import read_image_size
from .process import Guard
from .stream_colour import SWSCALE_MATRICES, StreamColour, colour_problem, parse_colour

EXACT = "flags=bicubic+accurate_rnd+full_chroma_int:sws_dither=none"
ROTATION_FILTERS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
FILTER = re.compile(r"^ [A-Z.]{2,3} (\w+) ", re.MULTILINE)
IMAGE = re.compile(r"^Input #0, (?:png|jpeg|webp)_pipe,", re.MULTILINE)


@dataclass(frozen=True)
class FrameConversion:
    """How frames are converted to RGB.

    Attributes:
        filters: ffmpeg's filters, in order.
        pixel_format: Their output: "rgb24", "rgba" or "rgb48le".
        converts: Whether the frames still need `colour.Conversion.frame`.

    """

    filters: tuple[str, ...]
    pixel_format: str
    converts: bool = False


def choose_conversion(
    geometry: Geometry, colour: StreamColour, *, has_alpha: bool = False, cube: Path | None = None
) -> FrameConversion:
    """Choose the conversion of a video's frames to sRGB.

    ffmpeg's own scaler is used if its conversion is correct, zscale if available, else `colour`.

    Args:
        geometry: Of the video.
        colour: Of the video.
        has_alpha: Whether the alpha channel is kept.
        cube: A file with `colour.hlg_cube`, for HLG.

    Returns:
        The filters, and what remains to be done.

    """
    packed = "rgba" if has_alpha else "rgb24"
    fitted, padded = _fitting(geometry)
    if colour.matrix not in (*SWSCALE_MATRICES, "gbr"):  # new scalers refuse frames with such tags
        fitted = f"setparams=colorspace=unknown,{fitted}"
    if colour.is_plain or (colour.conversion is None and not converts_by_zscale(geometry, colour)):
        matrix = f":in_color_matrix={_scaler_name(colour.matrix)}" if colour.assumed else ""
        return FrameConversion((f"{fitted}{matrix}", f"format={packed}", padded), packed)
    if converts_by_zscale(geometry, colour):
        planar = "gbrap" if has_alpha else "gbrp"
        return FrameConversion((fitted, padded, *_zscaled(colour, planar, cube), f"format={packed}"), packed)
    span = "pc" if colour.full_range else "tv"
    is_rgb = colour.matrix == "gbr"
    matrix = "" if is_rgb else f":in_color_matrix={_scaler_name(colour.matrix)}:in_range={span}"
    if not is_rgb:  # frames of odd sizes with subsampled chroma cannot be padded
        fitted = f"{fitted}:in_range={span}:out_range={span},format=yuv444p16le"
    return FrameConversion(
        (fitted, padded, f"scale={EXACT}{matrix}", "format=rgb48le"), "rgb48le", converts=True
    )


def deinterlace_filters(geometry: Geometry) -> tuple[str, ...]:
    """Return the filters that deinterlace a video without changing its number of frames."""
    if geometry.parity is None:
        return ()
    parity = "auto:deint=interlaced" if geometry.flagged else f"{geometry.parity}:deint=all"
    return f"bwdif=mode=send_frame:parity={parity}", *ROTATION_FILTERS.get(geometry.rotation, ())


def converts_by_zscale(geometry: Geometry, colour: StreamColour) -> bool:
    """Return whether zscale is available and converts such frames.

    Sizes must be even because chroma is subsampled, and white is preserved only from D65.
    """
    is_even = not any(side % 2 for side in geometry.size)
    keeps_white = PRIMARIES[colour.primaries][3] == D65
    return is_even and keeps_white and "zscale" in available_filters(executable())


@lru_cache
def available_filters(path: str) -> frozenset[str]:
    """Return the names of the filters of an ffmpeg executable."""
    listing = run(["-hide_banner", "-filters"], Guard(path)).output.decode("ascii", "replace")
    return frozenset(FILTER.findall(listing))


def _fitting(geometry: Geometry) -> tuple[str, str]:
    """Return the filters that scale every frame to the size of the first, with bars for another shape.

    ffmpeg alone would distort the frames of a stream whose size changes.
    """
    (width, height), (stored_width, stored_height) = geometry.size, geometry.stored
    aspect = float(geometry.sample_aspect)
    same = f"eq(iw,{stored_width})*eq(ih,{stored_height})*lt(abs(sar-{aspect:.6f}),0.01)"
    across = f"if({same},{width},max(1,round(min({width},{height}*dar))))"
    down = f"if({same},{height},max(1,round(min({height},{width}/dar))))"
    return f"scale=w='{across}':h='{down}'", f"pad=w={width}:h={height}:x=(ow-iw)/2:y=(oh-ih)/2"


def _zscaled(colour: StreamColour, planar: str, cube: Path | None) -> tuple[str, ...]:
    span = "full" if colour.full_range else "limited"
    decoded = f"zscale=matrixin={colour.matrix}:rangein={span}:matrix=gbr:range=full"
    if colour.conversion is None:
        return decoded, f"format={planar}"
    curves = f"transferin={colour.transfer}:transfer=iec61966-2-1:npl=203"
    converted = f"{curves}:primariesin={colour.primaries}:primaries=bt709"
    if colour.transfer != HLG or cube is None:
        return f"{decoded}:{converted}", f"format={planar}"
    table = f"lut3d=file={_escaped(cube.as_posix())}:interp=tetrahedral"
    again = f"zscale=matrixin=gbr:rangein=full:matrix=gbr:range=full:{converted}"
    return decoded, f"format={planar}16le", table, again, f"format={planar}"


def _scaler_name(matrix: str) -> str:
    """Return the name of a matrix in ffmpeg's scaler, which old versions know too."""
    return {"bt2020nc": "bt2020", "bt470bg": "bt470"}.get(matrix, matrix)


def _escaped(text: str) -> str:
    """Escape a value for an option of a filter, and for the filter chain."""
    return re.sub(r"([\\'\[\],;])", r"\\\1", re.sub(r"([\\':])", r"\\\1", text))


def frame_properties(path: Path, log: str, pixel_format: str) -> tuple[Geometry, StreamColour, bool]:
    """Derive geometry and colours of a video's frames; warns if they are deinterlaced or may look wrong.

    Args:
        path: The video.
        log: The output of `first_frame.look_at_first_frame`, in which a frame was decoded.
        pixel_format: ffmpeg's name of the format of that frame.

    Returns:
        The geometry, the colours, and whether the file is a single image.

    Raises:
        InvalidInput: The frames are too large.

    """
    if IMAGE.search(log):
        return Geometry(read_image_size(path)), StreamColour(matrix="gbr"), True
    geometry = parse_geometry(log)
    for size in (geometry.stored, geometry.size):
        _check_size(path, *size)
    colour = parse_colour(log, pixel_format, stored_size(log, geometry.stored))
    _warn(path, geometry, colour, stream_text(log))
    return geometry, colour, False


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidInput(
            f"The video {str(path)!r} has frames of {width}x{height} pixels, but the maximum is "
            f"{MAX_PIXELS:,}: make it smaller."
        )


def _warn(path: Path, geometry: Geometry, colour: StreamColour, stream: str) -> None:
    if geometry.parity is not None:
        warn(f"The video {str(path)!r} is interlaced, so its frames are deinterlaced.", stacklevel=4)
    problem = colour_problem(colour, stream, has_zscale="zscale" in available_filters(executable()))
    if problem is not None:
        warn(f"The colours of the video {str(path)!r} may be wrong, because they {problem}.", stacklevel=4)
