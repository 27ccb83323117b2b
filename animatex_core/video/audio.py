"""The audio of a driving video: the part that belongs to the frames used, at their speed."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput, warn
from ..utils.files import storage_errors
from ..utils.progress import Check, no_check
from .containers import check_streams, input_args
from .encoder import check_space, output_args
from .ffmpeg import last_log_line, run
from .first_frame import (
    FIRST_FRAME,
    existing_file,
    inspect_first_frames,
    refusal_reason,
    selected_tracks,
    start_seconds,
    stream_kinds,
)
from .formats import Format
from .info import probe
from .process import QUIET_SECONDS, Guard

SAMPLES_PER_SECOND = 48000  # required by Opus, supported by AAC
# ffmpeg's atempo uses windows of the power of two at or above a 24th of the sample rate. It smears sounds
# over up to one window and plays everything a quarter window early. At half the true rate, the windows are
# half as long, and the quarter is added in front.
TEMPO_RATE = SAMPLES_PER_SECOND // 2
QUARTER_WINDOW = 256 / SAMPLES_PER_SECOND
SLOWEST_DECODING = 10  # times real time, at least
MARGIN = 1.0  # seconds of audio beyond the part that is needed, for the windows of tempo filters


@dataclass(frozen=True)
class AudioSource:
    """A part of the audio of a video or audio file.

    Attributes:
        path: The file.
        start: Seconds, counted from the first frame of a video, else from the start of the file.
        duration: Seconds of the file; None: up to its end.
        speed: Playback speed, above 1 faster; the pitch is preserved.

    """

    path: str | Path
    start: float = 0.0
    duration: float | None = None
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise InvalidInput(f"The start of the audio is {self.start:g} s, but it must be 0 or more.")
        if self.duration is not None and not (math.isfinite(self.duration) and self.duration > 0):
            raise InvalidInput(f"The duration of the audio is {self.duration:g} s, but it must be above 0.")
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise InvalidInput(f"The speed of the audio is {self.speed:g}, but it must be a number above 0.")


def audio_filters(sound: AudioSource, zero: float, seconds: float) -> str:
    """Return the ffmpeg filters that produce the audio of a video.

    Silence replaces what the file lacks at the start, in gaps and at the end.

    Args:
        sound: The part of a file.
        zero: When the first frame of that file is shown, on the clock of the file.
        seconds: The length of the result.

    Returns:
        A filter chain.

    """
    chain = tempo_factors(sound.speed)
    lead = QUARTER_WINDOW * sum(math.prod(chain[:step]) for step in range(len(chain)))
    start = zero + sound.start
    # Never read to the end of the file: a jump in its timestamps would be filled with hours of silence.
    end = start + min(math.inf if sound.duration is None else sound.duration, seconds * sound.speed + MARGIN)
    return ",".join(
        (
            *cut_filters(start - lead, end, SAMPLES_PER_SECOND),
            *_stretched(chain),
            "apad",
            f"atrim=end={seconds:.6f}",
        )
    )


def cut_filters(start: float, end: float | None, rate: int | None = None) -> tuple[str, ...]:
    """Return the ffmpeg filters that cut mono or stereo audio out of a file.

    Args:
        start: Seconds on the clock of the file. Silence fills what is missing after it, and gaps.
        end: The same; None: up to the end of the file.
        rate: Samples per second; None: those of the file.

    Returns:
        The filters in order.

    """
    return (
        f"atrim=start={start:.6f}" + (f":end={end:.6f}" if end is not None else ""),
        f"asetpts=PTS-({start:.6f}/TB)",
        f"aresample={f'{rate}:' if rate else ''}async=1:first_pts=0",
        "aformat=channel_layouts=stereo|mono",
    )


def max_silent_seconds(start: float) -> float:
    """Return the seconds that ffmpeg may be silent while it decodes the audio before `start`."""
    return QUIET_SECONDS + start / SLOWEST_DECODING


def tempo_factors(speed: float) -> list[float]:
    """Split a speed into as few factors of 0.5 to 2 as possible, which every ffmpeg's atempo supports.

    Args:
        speed: The playback speed.

    Returns:
        The factors; none for speed 1.

    """
    count = math.ceil(abs(math.log2(speed)) - 1e-9)
    return [speed ** (1 / count)] * count if count else []


def _stretched(chain: list[float]) -> Iterator[str]:
    if chain:
        yield f"asetrate={TEMPO_RATE}"
        yield from (f"atempo={tempo:.9f}" for tempo in chain)
        yield from (f"asetrate={SAMPLES_PER_SECOND}", "asetpts=N/SR/TB")


@dataclass(frozen=True)
class ProbedAudio:
    """Audio whose file has been inspected.

    Attributes:
        sound: The part of the file.
        path: The absolute path of the file.
        zero: When frame 0 is shown, on the clock of the file.
        stream: The ffmpeg index of the audio stream.

    """

    sound: AudioSource
    path: Path
    zero: float
    stream: int


def probe_audio(sound: AudioSource, check: Check = no_check) -> ProbedAudio | None:
    """Inspect an audio source.

    Args:
        sound: The part of a file.
        check: Called several times a second meanwhile; an exception stops the work.

    Returns:
        Where the audio is; None if the file has only video.

    Raises:
        InvalidInput: The file is missing or empty, or neither video nor audio.

    """
    path = existing_file(sound.path, "audio file")
    log = inspect_first_frames(path, check).log
    kinds = stream_kinds(log)
    if not kinds:
        raise InvalidInput(
            f"{str(path)!r} is not a readable video or audio file ({refusal_reason(log)}): give another file."
        )
    check_streams(path, log.partition("\nOutput #0")[0])
    audio = selected_tracks(log).audio
    zero = probe(path, check).start if FIRST_FRAME.search(log) else start_seconds(log)
    return ProbedAudio(sound, path, zero, audio.number) if audio else None


def mux_audio(
    video: Path,
    part: Path,
    target: Path,
    found: ProbedAudio,
    kind: Format,
    *,
    seconds: float,
    check: Check = no_check,
) -> None:
    """Mux a video with audio; the video stream is copied.

    This is a second step, because the length is known only now, and audio that cannot be decoded must not
    lose the video: then the video stays silent, with an AnimateXWarning. Only whole audio blocks are written,
    since old ffmpeg versions fill up the last one and make the audio longer than the video.

    Args:
        video: The file without audio; it is consumed if the audio fails.
        part: The file to write.
        target: The path that the user requested, for messages.
        found: The audio.
        kind: The format.
        seconds: The length of the video.
        check: Called several times a second meanwhile; an exception stops the work.

    Raises:
        StorageError: There is no space left.

    """
    block = kind.block / SAMPLES_PER_SECOND
    whole = math.floor(seconds / block + 1e-6) * block or seconds
    filters = audio_filters(found.sound, found.zero, whole)
    sources = [
        "-copyts",
        *input_args(video),
        *input_args(found.path),
        "-map",
        "0:v:0",
        "-map",
        f"1:{found.stream}",
    ]
    options = [*sources, "-c:v", "copy", "-af", filters, *kind.sound, *kind.container, *output_args(part)]
    guard = Guard(
        target, check, part, quiet=max_silent_seconds(found.sound.start + seconds * found.sound.speed)
    )
    done = run(["-nostdin", "-v", "error", "-y", *options], guard)
    check_space(target, done.log)
    if done.status:
        with storage_errors(target):
            os.replace(video, part)
        warn(
            f"{target} is silent because the audio of {found.path} cannot be used "
            f"({last_log_line(done.log)}).",
            3,
        )
