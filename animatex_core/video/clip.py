"""What a clip in a file is, before it is read."""

import re
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..checks import require_file
from ..errors import AnimateXWarning, InvalidInput
from .ffmpeg import Finished, each_frame_once, reason, run
from .timestamps import Packets, find_rate, parse_packets

STREAM = re.compile(r"^ {2,4}Stream #0:\d+.*?: (Video|Audio): (\w+)(?!.*\(attached pic\))", re.MULTILINE)
RATE = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
FRAME = re.compile(r" n: *0 pts: *(-?\d+) .*? fmt:(\w+) .*? s:(\d+)x(\d+) ")
LENGTH = re.compile(r"^  Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)
START = re.compile(r"^  Duration: .*?, start: (-?\d+\.\d+)", re.MULTILINE)
HAIR = 1e-6  # seconds
ENDS_EARLY = re.compile(r"partial file|ended prematurely")
# Formats of frames whose last plane or channel is alpha. GIF decodes to bgra whether or not it uses it.
ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8|ayuv|vuya")
TRANSPARENT_DECODER = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own decoders leave their alpha out


@dataclass(frozen=True)
class ClipInfo:
    """A clip in a file, as `read_frames` gives it.

    width, height: pixels, after the rotation that the file asks for.
    fps: frames per second; exact where the clip's rate is constant, else that of its usual interval.
    frames: how many there are at that rate, counted without decoding (so an estimate where some are damaged).
    duration: of the pictures, in seconds.
    has_alpha: its frames can be transparent (those of a gif always can).
    variable: its frames come at changing intervals and are brought to `fps`.
    start: when frame 0 is shown, in seconds of the file's own clock, which its sound shares.
    decoder: the one that it needs, where not ffmpeg's choice. declared: frames that the file promises, where
    it ends before them.
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int | None
    duration: float | None
    has_audio: bool
    has_alpha: bool
    variable: bool = False
    start: float = 0.0
    decoder: str | None = None
    declared: int | None = None


def probe(path: str | Path) -> ClipInfo:
    """Find out what a file holds: decodes its first frame and lists its packets.

    Raises InvalidInput where it is missing, not a clip, or has no frame that can be decoded.
    """
    path = existing_file(path, "clip")
    seen = look_at_first_frame(path)
    rate, frame = RATE.search(seen.log), FRAME.search(seen.log)
    if rate is None or frame is None:
        raise InvalidInput(_why_no_frame(path, seen.log))
    above, below, frames, seconds = map(int, rate.groups())
    first = int(frame[1]) * above / below
    packets, cut_off = _list_packets(path)
    times = np.append(first, packets.times[packets.times > first + HAIR])  # what comes before is not decoded
    found = find_rate(times, frames / seconds if frames and seconds else None)
    count = len(times) if found.constant else round((times[-1] - times[0]) * found.fps) + 1
    decoder = _transparent_decoder(seen.log)
    return ClipInfo(
        path=path,
        width=int(frame[3]),
        height=int(frame[4]),
        fps=found.fps,
        frames=count,
        duration=count / found.fps,
        has_audio="Audio" in stream_kinds(seen.log),
        has_alpha=decoder is not None or ALPHA.match(frame[2]) is not None,
        variable=not found.constant,
        start=found.start,
        decoder=decoder,
        declared=_declared(seen.log, found.fps, count) if cut_off else None,
    )


def count_frames(clip: ClipInfo) -> int:
    """Return how many frames can be read of a clip; those of a damaged one are decoded to count them.

    An AnimateXWarning says where there are fewer than the file promises.
    """
    if clip.declared is None and clip.frames is not None:
        return clip.frames
    done = run(["-nostdin", "-v", "error", *decoding(clip), "-f", "framecrc", "pipe:1"])
    decoded = len(parse_packets(done.output.decode("ascii", "replace")).times)
    count = min(decoded, clip.frames) if clip.variable and clip.frames is not None else decoded
    if clip.declared is not None and count < clip.declared:
        sentence = f"is damaged or cut off: only {count} of {clip.declared} frames can be read."
        warnings.warn(AnimateXWarning(f"The clip {str(clip.path)!r} {sentence}"), stacklevel=2)
    return count


def decoding(clip: ClipInfo) -> list[str]:
    """Return ffmpeg's options for decoding a clip to frames at its rate."""
    rate = Fraction(clip.fps).limit_denominator(100_000)
    timing = ("-vf", f"setpts=PTS-STARTPTS,fps={rate}:eof_action=pass") if clip.variable else ()
    decoder = ("-c:v", clip.decoder) if clip.decoder else ()
    return [*decoder, "-i", str(clip.path), "-map", "0:V:0", *timing, *each_frame_once()]


def existing_file(path: str | Path, role: str) -> Path:
    """Return the absolute path of a file that is there and not empty, or raise InvalidInput."""
    path = Path(path).absolute()
    require_file(path, role)
    if path.stat().st_size == 0:
        raise InvalidInput(f"The {role} {str(path)!r} is empty: copy or record it again.")
    return path


def look_at_first_frame(path: Path) -> Finished:
    """Have ffmpeg say what a file holds and decode one frame; works for files of sound alone too."""
    shown = ["-map", "0:V:0", "-vf", "showinfo", "-frames:v", "1"]  # V: no cover pictures
    return run(["-nostdin", "-nostats", "-copyts", "-i", str(path), *shown, "-f", "null", "-"])


def stream_kinds(log: str) -> set[str]:
    """Return which of "Video" and "Audio" ffmpeg says that a file holds."""
    return {kind for kind, _ in STREAM.findall(_of_input(log))}


def clock_of(path: Path, log: str) -> float:
    """Return when frame 0 is shown, or without frames the file starts, in seconds of the file's own clock."""
    if FRAME.search(log):
        return probe(path).start
    start = START.search(log)
    return float(start[1]) if start else 0.0


def _list_packets(path: Path) -> tuple[Packets, bool]:
    listing = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    done = run(["-nostdin", "-v", "error", "-copyts", "-i", str(path), *listing])
    packets = parse_packets(done.output.decode("ascii", "replace"))
    return packets, packets.corrupt or ENDS_EARLY.search(done.log) is not None


def _why_no_frame(path: Path, log: str) -> str:
    kinds = stream_kinds(log)
    if "Video" in kinds:
        return f"No frame of the clip {str(path)!r} can be decoded ({reason(log)}): export it again."
    if kinds:
        return f"The clip {str(path)!r} holds sound but no pictures: give a video."
    return (
        f"{str(path)!r} is not a clip that can be read ({reason(log)}): give a video or a whole copy of it."
    )


def _transparent_decoder(log: str) -> str | None:
    codec = next((codec for kind, codec in STREAM.findall(_of_input(log)) if kind == "Video"), "")
    marked = re.search(r"alpha_mode +: 1", _of_input(log), re.IGNORECASE)
    return TRANSPARENT_DECODER.get(codec) if marked else None


def _declared(log: str, fps: float, count: int) -> int:
    length = LENGTH.search(log)
    seconds = int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else 0.0
    return max(count, round(seconds * fps))


def _of_input(log: str) -> str:
    return log.partition("\nOutput #0")[0]
