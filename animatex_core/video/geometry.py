"""Pixel shape, interlacing and rotation of a video, from what ffmpeg logs of its first frames."""

import re
from dataclasses import dataclass
from fractions import Fraction

FRAME = re.compile(r" n: *\d+ pts: *\S+ .*? sar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\w) ")
CHOSEN = re.compile(r"^ +Stream #0:(\d+).* -> #0:0", re.MULTILINE)
STREAM_SIZE = re.compile(r"Video: .*?, (\d+)x(\d+)[, \[\n]")
ORDER = re.compile(r"Video: .*?(top|bottom) (first|coded first \(swapped\))")
ROTATION = re.compile(r"display ?matrix: rotation of (-?\d+\.\d+) degrees", re.IGNORECASE)
MAX_ASPECT = 10  # of one pixel; no camera or format has more


@dataclass(frozen=True)
class Geometry:
    """How stored frames become images with square pixels.

    Attributes:
        stored: Width and height of the frames, after the rotation that the file requests.
        sample_aspect: Width of a pixel divided by its height; 1 if unknown.
        parity: The field that is shown first, "tff" or "bff"; None for progressive video.
        flagged: Whether interlaced frames are marked individually, so that others are left unchanged.
        rotation: Degrees counterclockwise by which an interlaced video is rotated after deinterlacing, since
            its fields are rows of the stored frames. 0 if ffmpeg rotates it.

    """

    stored: tuple[int, int] = (0, 0)
    sample_aspect: Fraction = Fraction(1)
    parity: str | None = None
    flagged: bool = False
    rotation: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in square pixels: the height is kept, the width is scaled."""
        width, height = self.stored
        return max(1, round(width * self.sample_aspect)), height


def parse_geometry(log: str) -> Geometry:
    """Parse the geometry from the log of `first_frame.look_at_first_frame`, with at least one frame."""
    frames = FRAME.findall(log)
    numerator, denominator, width, height, _ = frames[0]
    aspect = (
        Fraction(int(numerator), int(denominator)) if int(numerator) and int(denominator) else Fraction(1)
    )
    fields = [found[4] for found in frames if found[4] in "TB"]
    stream = stream_text(log)
    order = ORDER.search(stream)
    is_interlaced = bool(fields) or order is not None
    return Geometry(
        stored=(int(width), int(height)),
        sample_aspect=aspect if 1 / MAX_ASPECT <= aspect <= MAX_ASPECT else Fraction(1),
        parity=_parity(fields, order) if is_interlaced else None,
        flagged=bool(fields),
        rotation=_rotation(stream) if is_interlaced else 0,
    )


def stream_text(log: str) -> str:
    """Return what ffmpeg logs about the decoded video stream: its line and its metadata."""
    chosen = CHOSEN.search(log)
    number = chosen[1] if chosen else "0"
    found = re.search(rf"^ +Stream #0:{number}\b.*?(?=^ *Stream |^\S|\Z)", log, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def stored_size(log: str, shown: tuple[int, int]) -> tuple[int, int]:
    """Return width and height before rotation, or `shown` if the log does not have them."""
    found = STREAM_SIZE.search(stream_text(log))
    return (int(found[1]), int(found[2])) if found else shown


def _parity(fields: list[str], order: re.Match[str] | None) -> str:
    if fields:
        return "tff" if fields[0] == "T" else "bff"
    assert order is not None
    is_top = (order[1] == "top") == (order[2] == "first")  # swapped: the other field is shown first
    return "tff" if is_top else "bff"


def _rotation(stream: str) -> int:
    found = ROTATION.search(stream)
    return round(float(found[1]) / 90) * 90 % 360 if found else 0
