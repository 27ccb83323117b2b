"""The sound of a driving clip: the part that belongs to the frames used, at their speed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput
from .watching import QUIET_SECONDS

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
