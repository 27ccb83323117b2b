"""The audio of a driving video: the part that belongs to the frames used, at their speed."""

import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import AnimateXWarning, InvalidInput
from ..utils.files import storage_errors
from ..utils.progress import Check, no_check
from .containers import check_streams, source
from .encoder import check_space, written_to
from .ffmpeg import reason, run
from .formats import Format
from .info import chosen_tracks, clock_of, existing_file, look_at_first_frame, refusal_reason, stream_kinds
from .process import QUIET_SECONDS, Guard

SAMPLES_PER_SECOND = 48000  # which Opus asks for and AAC can
# ffmpeg's atempo cuts sound into windows of the power of two at or above a 24th of its rate, which smears
# what is short by up to one of them and plays all a quarter of one too early. Told half the true rate it has
# windows of half the time, and the quarter is added in front.
TEMPO_RATE = SAMPLES_PER_SECOND // 2
QUARTER_WINDOW = 256 / SAMPLES_PER_SECOND
SLOWEST_DECODING = 10  # times as fast as it plays, at least
MARGIN = 1.0  # second of sound beyond the part that is needed, for the windows of tempo filters


@dataclass(frozen=True)
class Sound:
    """A part of the sound of a clip or a sound file.

    start: seconds into it, counted from its first frame (where it has pictures); duration: in seconds of it,
    None: to its end.
    speed: how much faster than in the file it is played, its pitch kept; above 1 is faster.
    """

    path: str | Path
    start: float = 0.0
    duration: float | None = None
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise InvalidInput(f"start of the sound is {self.start:g} seconds, but it must be 0 or more.")
        if self.duration is not None and not (math.isfinite(self.duration) and self.duration > 0):
            raise InvalidInput(f"duration of the sound is {self.duration:g} seconds, but it must be above 0.")
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise InvalidInput(f"speed of the sound is {self.speed:g}, but it must be a number above 0.")


def sound_filters(sound: Sound, zero: float, seconds: float) -> str:
    """Return the ffmpeg filters that make `seconds` of sound for a clip.

    zero: when the first frame of the sound's file is shown, on the clock of that file. What the file lacks
    at the start, in gaps and at the end is silence.
    """
    chain = tempos(sound.speed)
    lead = QUARTER_WINDOW * sum(math.prod(chain[:step]) for step in range(len(chain)))
    start = zero + sound.start
    # Never to the end of the file: a jump in its timestamps would be filled with hours of silence.
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
    """Return the ffmpeg filters that cut sound, in mono or stereo, out of a file.

    start, end: on the clock of the file, end None: to its end; silence fills what is missing after `start`
    and in gaps. rate: samples per second, None: those that it has.
    """
    return (
        f"atrim=start={start:.6f}" + (f":end={end:.6f}" if end is not None else ""),
        f"asetpts=PTS-({start:.6f}/TB)",
        f"aresample={f'{rate}:' if rate else ''}async=1:first_pts=0",
        "aformat=channel_layouts=stereo|mono",
    )


def skipping_seconds(start: float) -> float:
    """Return how long ffmpeg may be silent while it decodes the sound before `start`, in seconds."""
    return QUIET_SECONDS + start / SLOWEST_DECODING


def tempos(speed: float) -> list[float]:
    """Split a change of speed into as few factors of 0.5 to 2 as there can be; none for speed 1.

    One such factor is what a tempo filter of every ffmpeg can do.
    """
    count = math.ceil(abs(math.log2(speed)) - 1e-9)
    return [speed ** (1 / count)] * count if count else []


def _stretched(chain: list[float]) -> Iterator[str]:
    if chain:
        yield f"asetrate={TEMPO_RATE}"
        yield from (f"atempo={tempo:.9f}" for tempo in chain)
        yield from (f"asetrate={SAMPLES_PER_SECOND}", "asetpts=N/SR/TB")


@dataclass(frozen=True)
class FoundSound:
    """A sound whose file was looked into.

    zero: when its frame 0 is shown, on the file's own clock. stream: of the sound, as ffmpeg counts them.
    """

    sound: Sound
    path: Path
    zero: float
    stream: int


def find_sound(sound: Sound, check: Check = no_check) -> FoundSound | None:
    """Look into the file of a sound; None where it has only pictures.

    Raises InvalidInput where it is missing, empty or neither a clip nor a sound.
    check: called several times a second meanwhile; what it raises ends the work.
    """
    path = existing_file(sound.path, "sound")
    log = look_at_first_frame(path, check).log
    kinds = stream_kinds(log)
    if not kinds:
        raise InvalidInput(
            f"{str(path)!r} is neither a clip nor a sound that can be read ({refusal_reason(log)}): give "
            "another file."
        )
    check_streams(path, log.partition("\nOutput #0")[0])
    audio = chosen_tracks(log).audio
    return FoundSound(sound, path, clock_of(path, log, check), audio.number) if audio else None


def add_sound(
    video: Path,
    part: Path,
    target: Path,
    found: FoundSound,
    kind: Format,
    *,
    seconds: float,
    check: Check = no_check,
) -> None:
    """Write `part`: the pictures of `video` as they are, and `seconds` of the sound.

    A second step, for only now the length is known, and sound that cannot be decoded loses no pictures: then
    an AnimateXWarning says so and the clip is silent. Only whole blocks of sound are written, for old ffmpegs
    fill up the last one and make the sound longer than the pictures. target: what the user asked for, for
    messages.
    """
    block = kind.block / SAMPLES_PER_SECOND
    whole = math.floor(seconds / block + 1e-6) * block or seconds
    filters = sound_filters(found.sound, found.zero, whole)
    sources = ["-copyts", *source(video), *source(found.path), "-map", "0:v:0", "-map", f"1:{found.stream}"]
    options = [*sources, "-c:v", "copy", "-af", filters, *kind.sound, *kind.container, *written_to(part)]
    guard = Guard(
        target, check, part, quiet=skipping_seconds(found.sound.start + seconds * found.sound.speed)
    )
    done = run(["-nostdin", "-v", "error", "-y", *options], guard)
    check_space(target, done.log)
    if done.status:
        with storage_errors(target):
            os.replace(video, part)
        why = reason(done.log)
        sentence = f"{target} is silent, for the sound of {found.path} could not be carried over ({why})."
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)
