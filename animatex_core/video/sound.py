"""The sound of a driving clip: the part that belongs to the frames used, at their speed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from animatex_core.errors import InvalidInput

SLOWEST, FASTEST = 0.5, 2.0  # what one tempo filter of every ffmpeg can do
SAMPLES_PER_SECOND = 48000  # which Opus asks for and AAC can


@dataclass(frozen=True)
class Sound:
    """A part of the sound of a clip or a sound file.

    start: seconds into it, counted from its first frame (where it has pictures); duration: in seconds of it.
    speed: how much faster than in the file it is played, its pitch kept; above 1 is faster.
    """

    path: str | Path
    start: float
    duration: float
    speed: float = 1.0

    def __post_init__(self) -> None:
        for name, value, least in (("start", self.start, 0.0), ("duration", self.duration, None)):
            if not math.isfinite(value) or value < 0 or (least is None and value == 0):
                rule = "above 0" if least is None else "0 or more"
                raise InvalidInput(f"{name} of the sound is {value:g} seconds, but it must be {rule}.")
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise InvalidInput(f"speed of the sound is {self.speed:g}, but it must be a number above 0.")


def sound_filters(sound: Sound, zero: float, seconds: float) -> str:
    """Return the ffmpeg filters that make `seconds` of sound for a clip.

    zero: when the first frame of the sound's file is shown, on the clock of that file. What the file lacks
    at the start, in gaps and at the end is silence.
    """
    start = zero + sound.start
    return ",".join(
        (
            f"atrim=start={start:.6f}:end={start + sound.duration:.6f}",
            f"asetpts=PTS-({start:.6f}/TB)",
            f"aresample={SAMPLES_PER_SECOND}:async=1:first_pts=0",
            "aformat=channel_layouts=stereo|mono",
            *(f"atempo={tempo:.9f}" for tempo in tempos(sound.speed)),
            "apad",
            f"atrim=end={seconds:.6f}",
        )
    )


def tempos(speed: float) -> Iterator[float]:
    """Split a change of speed into factors of 0.5 to 2, the fewest that there can be; none for speed 1."""
    count = math.ceil(abs(math.log2(speed)) - 1e-9)
    return (speed ** (1 / count) for _ in range(count))
