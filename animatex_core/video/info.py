"""What a clip in a file is, before it is read."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import nan
from pathlib import Path

from ..errors import AnimateXWarning, InvalidInput
from ..utils.progress import Check, no_check
from ..utils.validation import require_file
from .containers import check_streams, exceeded_limit, refuse_lists, source
from .ffmpeg import Finished, each_frame_once, reason, run
from .filters import deinterlacing, looks_of
from .geometry import Geometry
from .image import picture_size
from .image_sequence import DEFAULT_FPS, find_pictures, names_pictures
from .missing_times import LISTING, find_times, list_packets
from .process import Guard
from .stream_colour import StreamColour
from .timestamps import MAX_FPS, Rate, parse_packets
from .tracks import Tracks, choose_tracks, container_of

RATE = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
FRAME = re.compile(r" n: *0 pts: *(-?\d+|NOPTS) .*? fmt:(\w+) .*? s:(\d+)x(\d+) ")
LENGTH = re.compile(r"^  Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)
START = re.compile(r"^  Duration: .*?, start: (-?\d+\.\d+)", re.MULTILINE)
FRAMES_SEEN = "5"  # film on NTSC video has two interlaced frames of five
# Formats of frames whose last plane or channel is alpha. GIF decodes to bgra whether or not it uses it.
ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8|ayuv|vuya")
TRANSPARENT_DECODER = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # ffmpeg's own decoders leave their alpha out


@dataclass(frozen=True)
class VideoInfo:
    """A clip in a file, as `read_frames` gives it.

    width, height: square pixels, after the rotation that the file asks for. Where the file's own are not,
    its rows stay and their width is scaled.
    fps: frames per second; exact where the clip's rate is constant, else that of its usual interval.
    frames: how many there are at that rate, counted without decoding (so an estimate where some are damaged).
    duration: of the pictures, in seconds.
    has_alpha: its frames can be transparent (those of a gif always can).
    variable: its frames come at changing intervals and are brought to `fps`.
    start: when frame 0 is shown, in seconds of the file's own clock, which its sound shares.
    decoder: the one that it needs, where not ffmpeg's choice. declared: frames that the file promises, where
    it ends before them.
    jumps: its timestamps go backwards or leave gaps that no video has (see `timestamps.find_rate`), so they
    are ignored: its frames follow each other at `fps`.
    geometry, colour: how its stored frames become pictures of square pixels in sRGB.
    is_picture: it is an image file, which `picture.read_picture` reads with its colour profile.
    pictures: the files of its frames, where it is a folder or pattern of pictures.
    video_stream, audio_stream: which streams of the file are read, as ffmpeg counts them; see `tracks`.
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
    jumps: bool = False
    geometry: Geometry = field(default_factory=Geometry)
    colour: StreamColour = field(default_factory=StreamColour)
    is_picture: bool = False

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of its frames in the file's own pixels, for programs that ignore their shape."""
        return self.geometry.stored

    @property
    def conversion(self) -> tuple[str, ...]:
        """What is done to the frames beyond decoding them, for keys of a cache; () for most videos."""
        geometry, colour = self.geometry, self.colour
        if geometry.sample_aspect == 1 and geometry.parity is None and colour.is_plain and not colour.assumed:
            return ()
        shape = f"{geometry.sample_aspect} {geometry.parity} {geometry.rotation}"
        return (f"{shape} {colour.matrix} {colour.primaries} {colour.transfer}",)

    video_stream: int = 0
    audio_stream: int | None = None
    pictures: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return self.pictures or (self.path,)


def probe(path: str | Path, check: Check = no_check, fps: float | None = None) -> VideoInfo:
    """Find out what a file holds: decodes its first frame and lists its packets.

    Args:
        path: A video file, in a format of `containers`; its name says nothing about its format. Or
            pictures: a folder of them, or a pattern such as frame_%04d.png or *.png.
        check: Called several times a second meanwhile; what it raises ends the work.
        fps: Frames per second of pictures, which do not say; None: 24, of which an AnimateXWarning says.

    Raises:
        InvalidInput: The file is missing, not a clip, a list of other files, too large, or has no frame that
            can be decoded or more than 1000 a second.

    An AnimateXWarning says that timestamps jump, that frames are deinterlaced, that colours may be off, or
    that all sound is switched off in the file.

    """
    path = Path(path).absolute()
    if names_pictures(path):
        return _probe_pictures(path, fps)
    if fps is not None:
        raise InvalidInput(
            f"The video {str(path)!r} has a rate of its own, but {fps:g} was given: leave that out."
        )
    path = existing_file(path, "clip")
    seen = look_at_first_frame(path, check)
    rate, frame = RATE.search(seen.log), FRAME.search(seen.log)
    if rate is None or frame is None:
        raise InvalidInput(_why_no_frame(path, seen.log))
    above, below, frames, seconds = map(int, rate.groups())
    geometry, colour, is_picture = looks_of(path, seen.log, frame[2])
    check_streams(path, _of_input(seen.log))
    tracks = chosen_tracks(seen.log)
    assert tracks.video is not None
    _warn_of_disabled_sound(path, tracks)
    packets, cut_off = list_packets(path, tracks.video.number, check)
    first = int(frame[1]) * above / below if frame[1] != "NOPTS" else nan
    rated = frames / seconds if frames and seconds else None
    times, found = find_times(packets, container_of(seen.log), first, rated)
    _check_rate(path, found)
    count = round((times[-1] - times[0]) * found.fps) + 1 if found.variable else len(times)
    decoder = _transparent_decoder(seen.log)
    return VideoInfo(
        path=path,
        width=geometry.size[0],
        height=geometry.size[1],
        fps=found.fps,
        frames=count,
        duration=count / found.fps,
        has_audio=tracks.audio is not None,
        has_alpha=decoder is not None or ALPHA.match(frame[2]) is not None,
        variable=found.variable,
        start=found.start,
        decoder=decoder,
        declared=_declared(seen.log, found, count) if cut_off else None,
        jumps=found.jumps,
        geometry=geometry,
        colour=colour,
        is_picture=is_picture,
        video_stream=tracks.video.number,
        audio_stream=tracks.audio.number if tracks.audio else None,
    )


def _probe_pictures(path: Path, fps: float | None) -> VideoInfo:
    if fps is not None and not 0 < fps <= MAX_FPS:
        raise InvalidInput(f"fps of the pictures is {fps:g}, but it must be above 0 and at most {MAX_FPS:g}.")
    pictures = tuple(find_pictures(path))
    if fps is None and len(pictures) > 1:
        sentence = f"The pictures {str(path)!r} have no rate, so {DEFAULT_FPS:g} frames a second are assumed."
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)
    rate, geometry = fps or DEFAULT_FPS, Geometry(picture_size(pictures[0]))
    return VideoInfo(
        *(path, *geometry.size, rate, len(pictures), len(pictures) / rate),
        has_audio=False,
        has_alpha=False,
        geometry=geometry,
        colour=StreamColour(matrix="gbr"),
        pictures=pictures,
    )


def count_frames(clip: VideoInfo, check: Check = no_check) -> int:
    """Return how many frames can be read of a clip; those of a damaged one are decoded to count them.

    An AnimateXWarning says where there are fewer than the file promises. check: as for `probe`.
    """
    if clip.declared is None and not clip.jumps and clip.frames is not None:
        return clip.frames
    most = ("-frames:v", str(clip.frames)) if clip.variable and clip.frames is not None else ()
    done = run(["-nostdin", "-v", "error", *decode_args(clip), *most, *LISTING], Guard(clip.path, check))
    decoded = len(parse_packets(done.output.decode("ascii", "replace")).times)
    count = min(decoded, clip.frames) if clip.variable and clip.frames is not None else decoded
    if clip.declared is not None and count < clip.declared:
        sentence = f"is damaged or cut off: only {count} of {clip.declared} frames can be read."
        warnings.warn(AnimateXWarning(f"The clip {str(clip.path)!r} {sentence}"), stacklevel=2)
    return count


def decode_args(clip: VideoInfo, filters: Sequence[str] = ()) -> list[str]:
    """Return ffmpeg's options for decoding a clip to whole frames at its rate, followed by other filters."""
    rate = Fraction(clip.fps).limit_denominator(100_000)
    timing = ("setpts=PTS-STARTPTS", f"fps={rate}:eof_action=pass") if clip.variable else ()
    chain = ",".join((*deinterlacing(clip.geometry), *timing, *filters))
    decoder = ("-c:v", clip.decoder) if clip.decoder else ()
    turning = ("-noautorotate",) if clip.geometry.rotation else ()
    applied = ("-map", f"0:{clip.video_stream}", *(("-vf", chain) if chain else ()))
    return [*decoder, *turning, *source(clip.path), *applied, *each_frame_once()]


def existing_file(path: str | Path, role: str) -> Path:
    """Return the absolute path of a file that is there and not empty, or raise InvalidInput.

    So it does for a list of other files, such as a playlist.
    """
    path = Path(path).absolute()
    require_file(path, role)
    if path.stat().st_size == 0:
        raise InvalidInput(f"The {role} {str(path)!r} is empty: copy or record it again.")
    refuse_lists(path, role)
    return path


def look_at_first_frame(path: Path, check: Check = no_check) -> Finished:
    """Have ffmpeg say what a file holds and decode a few frames; works for files of sound alone too."""
    seen = _look_at_stream(path, "V:0", check)  # V: no cover pictures
    video = chosen_tracks(seen.log).video
    if video is None or f"  Stream #0:{video.number} -> #0:0 " in seen.log:
        return seen
    return _look_at_stream(path, str(video.number), check)


def _look_at_stream(path: Path, stream: str, check: Check) -> Finished:
    shown = ["-map", f"0:{stream}", "-vf", "showinfo", "-frames:v", FRAMES_SEEN]
    options = ["-nostdin", "-nostats", "-copyts", *source(path), *shown, "-f", "null", "-"]
    return run(options, Guard(path, check))


def chosen_tracks(log: str) -> Tracks:
    """Return which tracks of a file are read, by the log of `look_at_first_frame`."""
    return choose_tracks(_of_input(log))


def stream_kinds(log: str) -> set[str]:
    """Return which of "Video" and "Audio" are read of a file."""
    tracks = chosen_tracks(log)
    return {track.kind for track in (tracks.video, tracks.audio) if track is not None}


def clock_of(path: Path, log: str, check: Check = no_check) -> float:
    """Return when frame 0 is shown, or without frames the file starts, in seconds of the file's own clock."""
    if FRAME.search(log):
        return probe(path, check).start
    start = START.search(log)
    return float(start[1]) if start else 0.0


def refusal_reason(log: str) -> str:
    """Return why ffmpeg could not read a file: the limit that it exceeds, else its own words."""
    return exceeded_limit(log) or reason(log)


def _check_rate(path: Path, found: Rate) -> None:
    """Refuse rates that no video has, and warn of timestamps that jump."""
    if found.fps > MAX_FPS:
        raise InvalidInput(
            f"The timestamps of the clip {str(path)!r} give {found.fps:.0f} frames a second, but {MAX_FPS:g} "
            "are the most: export it again at its real rate."
        )
    if found.jumps:
        warnings.warn(
            AnimateXWarning(
                f"The timestamps of the clip {str(path)!r} jump, so its frames are read one after the other, "
                f"{found.fps:g} a second, and its sound may not fit: export it again if that looks wrong."
            ),
            stacklevel=3,
        )


def _warn_of_disabled_sound(path: Path, tracks: Tracks) -> None:
    if tracks.disabled_sound:
        sentence = f"The sound of the video {str(path)!r} is switched off in the file, so it is left out."
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def _why_no_frame(path: Path, log: str) -> str:
    kinds = stream_kinds(log)
    if "Video" in kinds:
        return f"No frame of the clip {str(path)!r} can be decoded ({refusal_reason(log)}): export it again."
    if kinds:
        return f"The clip {str(path)!r} holds sound but no pictures: give a video."
    why = refusal_reason(log)
    return f"{str(path)!r} is not a clip that can be read ({why}): give a video or a whole copy of it."


def _transparent_decoder(log: str) -> str | None:
    video = chosen_tracks(log).video
    codec = video.codec if video else ""
    marked = re.search(r"alpha_mode +: 1", _of_input(log), re.IGNORECASE)
    return TRANSPARENT_DECODER.get(codec) if marked else None


def _declared(log: str, found: Rate, count: int) -> int:
    length = None if found.jumps else LENGTH.search(log)
    seconds = int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else 0.0
    return max(count, round(seconds * found.fps))


def _of_input(log: str) -> str:
    return log.partition("\nOutput #0")[0]
