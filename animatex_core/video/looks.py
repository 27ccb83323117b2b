"""What the frames of a video look like, by what ffmpeg logged of the first, and what is said of it."""

import re
import warnings
from pathlib import Path

from ..errors import AnimateXWarning, InvalidInput
from .containers import MAX_PIXELS
from .ffmpeg import executable
from .filters import available_filters
from .geometry import Geometry, parse_geometry, stored_size, stream_text
from .picture import picture_size
from .stream_colour import StreamColour, colour_problem, parse_colour

PICTURE = re.compile(r"^Input #0, (?:png|jpeg|webp)_pipe,", re.MULTILINE)


def looks_of(path: Path, log: str, pixel_format: str) -> tuple[Geometry, StreamColour, bool]:
    """Return the geometry and the colours of a video's frames, and whether it is an image file.

    Args:
        path: The video.
        log: What `clip.look_at_first_frame` logged, in which a frame was decoded.
        pixel_format: ffmpeg's name of the format of that frame.

    Raises:
        InvalidInput: The frames are too large.

    An AnimateXWarning says that frames are deinterlaced, or that colours may be off.

    """
    if PICTURE.search(log):
        return Geometry(picture_size(path)), StreamColour(matrix="gbr"), True
    geometry = parse_geometry(log)
    for size in (geometry.stored, geometry.size):
        _check_size(path, *size)
    colour = parse_colour(log, pixel_format, stored_size(log, geometry.stored))
    _warn(path, geometry, colour, stream_text(log))
    return geometry, colour, False


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidInput(
            f"The clip {str(path)!r} has frames of {width}x{height} pixels, but {MAX_PIXELS:,} are the most: "
            "make it smaller."
        )


def _warn(path: Path, geometry: Geometry, colour: StreamColour, stream: str) -> None:
    sentences = []
    if geometry.parity is not None:
        sentences.append(f"The clip {str(path)!r} is interlaced, so its frames are deinterlaced.")
    problem = colour_problem(colour, stream, has_zscale="zscale" in available_filters(executable()))
    if problem is not None:
        sentences.append(f"The colours of the clip {str(path)!r} may be wrong, because they {problem}.")
    for sentence in sentences:
        warnings.warn(AnimateXWarning(sentence), stacklevel=4)
