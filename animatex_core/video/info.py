"""The properties of a video file or image sequence, determined before it is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import nan
from pathlib import Path

from ..errors import InvalidInput, warn
from ..utils.progress import Check, no_check
from .containers import check_streams, input_args
from .ffmpeg import each_frame_once, run
from .filters import deinterlace_filters, frame_properties
from .first_frame import (
    FIRST_FRAME,
    Geometry,
    declared_rate,
    existing_file,
    input_log,
    inspect_first_frames,
    length_seconds,
    missing_frame,
    selected_tracks,
    transparent_decoder,
)
from .image import read_image_size
from .image_sequence import DEFAULT_FPS, find_images, is_image_sequence
from .missing_times import LISTING, find_times, list_packets
from .process import Guard
from .stream_colour import StreamColour
from .timestamps import MAX_FPS, Rate, parse_packets
from .tracks import container_of

# Pixel formats with alpha. GIF always decodes to bgra.
ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya8|ya16|pal8|ayuv|vuya")


@dataclass(frozen=True)
class VideoInfo:
    """A video, as `read_frames` returns it.

    Attributes:
        path: The file, or the directory or pattern of an image sequence.
        width: Width in square pixels, after the rotation that the file requests. If the file's pixels are not
            square, its height is kept and its width is scaled.
        height: Height, likewise.
        fps: Frames per second; exact for a constant rate, else that of the usual interval.
        frames: The number of frames at that rate, counted without decoding (an estimate for damaged files).
        duration: Of the video stream, in seconds.
        has_audio: Whether there is an audio stream to read.
        has_alpha: Whether frames can be transparent (those of a GIF always can).
        variable: Whether the intervals of frames vary, so that they are resampled to `fps`.
        start: When frame 0 is shown, in seconds of the file's clock, which its audio shares.
        decoder: The decoder to use; None for ffmpeg's choice.
        declared: The number of frames that a truncated file declares, else None.
        jumps: Whether timestamps go backwards or have implausible gaps (see `timestamps.find_rate`). They are
            ignored then, and frames follow each other at `fps`.
        geometry: How stored frames become images with square pixels.
        colour: How stored frames encode colours.
        is_image: Whether it is a single image file, which `image.read_image` reads with its colour profile.
        video_stream: The ffmpeg index of the video stream; see `tracks`.
        audio_stream: The ffmpeg index of the audio stream, if any.
        images: The files of an image sequence.

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
    is_image: bool = False
    video_stream: int = 0
    audio_stream: int | None = None
    images: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return self.images or (self.path,)

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of its frames in the file's own pixels, for programs that ignore their shape."""
        return self.geometry.stored

    @property
    def conversion(self) -> tuple[str, ...]:
        """What is done to frames besides decoding them, as part of cache keys; () for most videos."""
        geometry, colour = self.geometry, self.colour
        if geometry.sample_aspect == 1 and geometry.parity is None and colour.is_plain and not colour.assumed:
            return ()
        shape = f"{geometry.sample_aspect} {geometry.parity} {geometry.rotation}"
        return (f"{shape} {colour.matrix} {colour.primaries} {colour.transfer}",)


def probe(path: str | Path, check: Check = no_check, fps: float | None = None) -> VideoInfo:
    """Determine the properties of a video: decodes its first frame and lists its packets.

    An AnimateXWarning is issued if timestamps jump, frames are deinterlaced, colours may be wrong, all audio
    is disabled in the file, or images have no frame rate.

    Args:
        path: A video file, whose format is recognized by its content, or an image sequence: a directory, or a
            pattern such as frame_%04d.png or *.png.
        check: Called several times a second meanwhile; an exception stops the work.
        fps: The frame rate of an image sequence; None: 24.

    Returns:
        The properties.

    Raises:
        InvalidInput: The file is missing, not a video, a list of other files, too large, has no frame that
            can be decoded, or has more than 1000 per second.

    """
    path = Path(path).absolute()
    if is_image_sequence(path):
        return _probe_pictures(path, fps)
    if fps is not None:
        raise InvalidInput(
            f"The video {str(path)!r} has its own frame rate, but {fps:g} was given: leave that out."
        )
    path = existing_file(path, "video")
    log = inspect_first_frames(path, check).log
    rate, frame = declared_rate(log), FIRST_FRAME.search(log)
    if rate is None or frame is None:
        raise missing_frame(path, log)
    (numerator, denominator), declared = rate
    geometry, colour, is_image = frame_properties(path, log, frame[2])
    check_streams(path, input_log(log))
    tracks = selected_tracks(log)
    assert tracks.video is not None
    if tracks.disabled_sound:
        warn(f"The audio of the video {str(path)!r} is disabled in the file, so it is left out.")
    packets, cut_off = list_packets(path, tracks.video.number, check)
    first = int(frame[1]) * numerator / denominator if frame[1] != "NOPTS" else nan
    times, found = find_times(packets, container_of(log), first, declared)
    _check_rate(path, found)
    count = round((times[-1] - times[0]) * found.fps) + 1 if found.variable else len(times)
    decoder = transparent_decoder(log)
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
        declared=_declared_frames(log, found, count) if cut_off else None,
        jumps=found.jumps,
        geometry=geometry,
        colour=colour,
        is_image=is_image,
        video_stream=tracks.video.number,
        audio_stream=tracks.audio.number if tracks.audio else None,
    )


def _probe_pictures(path: Path, fps: float | None) -> VideoInfo:
    if fps is not None and not 0 < fps <= MAX_FPS:
        raise InvalidInput(f"fps of the images is {fps:g}, but it must be above 0 and at most {MAX_FPS:g}.")
    images = tuple(find_images(path))
    if fps is None and len(images) > 1:
        warn(f"The images {str(path)!r} have no frame rate, so {DEFAULT_FPS:g} fps is assumed.", stacklevel=3)
    rate, geometry = fps or DEFAULT_FPS, Geometry(read_image_size(images[0]))
    return VideoInfo(
        *(path, *geometry.size, rate, len(images), len(images) / rate),
        has_audio=False,
        has_alpha=False,
        geometry=geometry,
        colour=StreamColour(matrix="gbr"),
        images=images,
    )


def count_frames(clip: VideoInfo, check: Check = no_check) -> int:
    """Count the frames that can be read; warns if they are fewer than the file declares.

    Args:
        clip: The video; only a damaged one is decoded to count them.
        check: As for `probe`.

    Returns:
        The number of frames.

    """
    if clip.declared is None and not clip.jumps and clip.frames is not None:
        return clip.frames
    most = ("-frames:v", str(clip.frames)) if clip.variable and clip.frames is not None else ()
    done = run(["-nostdin", "-v", "error", *decode_args(clip), *most, *LISTING], Guard(clip.path, check))
    decoded = len(parse_packets(done.output.decode("ascii", "replace")).times)
    count = min(decoded, clip.frames) if clip.variable and clip.frames is not None else decoded
    if clip.declared is not None and count < clip.declared:
        warn(
            f"The video {str(clip.path)!r} is damaged or truncated: only {count} of {clip.declared} frames "
            "can be read."
        )
    return count


def decode_args(clip: VideoInfo, filters: Sequence[str] = ()) -> list[str]:
    """Return ffmpeg's options for decoding a video to progressive frames at its rate, with more filters."""
    rate = Fraction(clip.fps).limit_denominator(100_000)
    timing = ("setpts=PTS-STARTPTS", f"fps={rate}:eof_action=pass") if clip.variable else ()
    chain = ",".join((*deinterlace_filters(clip.geometry), *timing, *filters))
    decoder = ("-c:v", clip.decoder) if clip.decoder else ()
    turning = ("-noautorotate",) if clip.geometry.rotation else ()
    applied = ("-map", f"0:{clip.video_stream}", *(("-vf", chain) if chain else ()))
    return [*decoder, *turning, *input_args(clip.path), *applied, *each_frame_once()]


def _check_rate(path: Path, found: Rate) -> None:
    """Refuse implausible frame rates, and warn about timestamps that jump."""
    if found.fps > MAX_FPS:
        raise InvalidInput(
            f"The timestamps of the video {str(path)!r} give {found.fps:.0f} frames per second, but the "
            f"maximum is {MAX_FPS:g}: export it again at its real rate."
        )
    if found.jumps:
        warn(
            f"The timestamps of the video {str(path)!r} jump, so its frames are read in sequence at "
            f"{found.fps:g} fps, and its audio may be out of sync: export it again if it looks wrong.",
            stacklevel=3,
        )


def _declared_frames(log: str, found: Rate, count: int) -> int:
    seconds = 0.0 if found.jumps else length_seconds(log)
    return max(count, round(seconds * found.fps))
