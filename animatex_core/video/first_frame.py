"""What ffmpeg reports about a file when it decodes its first frames: colours, shape and rotation."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import InvalidInput
from ..utils.progress import Check, no_check
from ..utils.validation import require_file
from .containers import exceeded_limit, input_args, refuse_lists
from .ffmpeg import FFmpegResult, last_log_line, run
from .process import Guard
from .tracks import Tracks, choose_tracks

RATE = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
FIRST_FRAME = re.compile(r" n: *0 pts: *(-?\d+|NOPTS) .*? fmt:(\w+) .*? s:(\d+)x(\d+) ")
LENGTH = re.compile(r"^  Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)
START = re.compile(r"^  Duration: .*?, start: (-?\d+\.\d+)", re.MULTILINE)
FRAMES_SEEN = "5"  # film on NTSC video has two interlaced frames in five
TRANSPARENT_DECODER = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own decoders ignore their alpha


def existing_file(path: str | Path, role: str) -> Path:
    """Return the absolute path of a file to read.

    Args:
        path: The file.
        role: What messages call it.

    Returns:
        The absolute path.

    Raises:
        InvalidInput: It is missing, empty, or a list of other files such as a playlist.

    """
    path = Path(path).absolute()
    require_file(path, role)
    if path.stat().st_size == 0:
        raise InvalidInput(f"The {role} {str(path)!r} is empty: copy or record it again.")
    refuse_lists(path, role)
    return path


def inspect_first_frames(path: Path, check: Check = no_check) -> FFmpegResult:
    """Let ffmpeg describe a file and decode a few frames; works for audio files too.

    Args:
        path: The file.
        check: Called several times a second meanwhile; an exception stops the work.

    Returns:
        The finished run, whose log the other functions of this module parse.

    """
    seen = _look_at_stream(path, "V:0", check)  # V: no cover images
    video = selected_tracks(seen.log).video
    if video is None or f"  Stream #0:{video.number} -> #0:0 " in seen.log:
        return seen
    return _look_at_stream(path, str(video.number), check)


def _look_at_stream(path: Path, stream: str, check: Check) -> FFmpegResult:
    shown = ["-map", f"0:{stream}", "-vf", "showinfo", "-frames:v", FRAMES_SEEN]
    options = ["-nostdin", "-nostats", "-copyts", *input_args(path), *shown, "-f", "null", "-"]
    return run(options, Guard(path, check))


def input_log(log: str) -> str:
    """Return the part of a log that describes the input."""
    return log.partition("\nOutput #0")[0]


def selected_tracks(log: str) -> Tracks:
    """Return which tracks of a file are read."""
    return choose_tracks(input_log(log))


def stream_kinds(log: str) -> set[str]:
    """Return which of "Video" and "Audio" are read from a file."""
    tracks = selected_tracks(log)
    return {track.kind for track in (tracks.video, tracks.audio) if track is not None}


def declared_rate(log: str) -> tuple[tuple[int, int], float | None] | None:
    """Return the time base as a fraction, and the frames per second that the file declares, if any.

    None if no frame was decoded.
    """
    rate = RATE.search(log)
    if rate is None or FIRST_FRAME.search(log) is None:
        return None
    numerator, denominator, frames, seconds = map(int, rate.groups())
    return (numerator, denominator), frames / seconds if frames and seconds else None


def start_seconds(log: str) -> float:
    """Return when a file starts, on its own clock; 0 if unknown."""
    start = START.search(log)
    return float(start[1]) if start else 0.0


def length_seconds(log: str) -> float:
    """Return the length that a file declares; 0 if unknown."""
    length = LENGTH.search(log)
    return int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else 0.0


def transparent_decoder(log: str) -> str | None:
    """Return the decoder that a video with alpha needs; None if ffmpeg's choice is right."""
    video = selected_tracks(log).video
    codec = video.codec if video else ""
    marked = re.search(r"alpha_mode +: 1", input_log(log), re.IGNORECASE)
    return TRANSPARENT_DECODER.get(codec) if marked else None


def refusal_reason(log: str) -> str:
    """Return why ffmpeg could not read a file: the limit that it exceeds, else ffmpeg's message."""
    return exceeded_limit(log) or last_log_line(log)


def missing_frame(path: Path, log: str) -> InvalidInput:
    """Return the exception for a file of which no frame was decoded."""
    kinds, name, why = stream_kinds(log), repr(str(path)), refusal_reason(log)
    if "Video" in kinds:
        return InvalidInput(f"No frame of the video {name} can be decoded ({why}): export it again.")
    if kinds:
        return InvalidInput(f"The video {name} has audio but no frames: give a video.")
    return InvalidInput(f"{name} is not a readable video ({why}): give a video or a complete copy of it.")


EVERY_FRAME = re.compile(r" n: *\d+ pts: *\S+ .*? sar:(\d+)/(\d+) s:(\d+)x(\d+) i:(\w) ")
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
    frames = EVERY_FRAME.findall(log)
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
