"""When the frames of a clip are shown, and which frame rate that makes. Pure arithmetic over timestamps."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

CORRUPT, DISCARD = 0x2, 0x4  # flags that ffmpeg gives packets
ROUNDING = 0.01  # what timestamps in whole milliseconds may change a rate by
FEW = 8  # frames, of which none can be left out of account
NEAR = 0.25  # an interval that differs less than this from the usual one is a usual one
MAX_FPS = 1000.0
MAX_STILL = 60.0  # seconds that a frame may stand still
MAX_REPEATS = 100  # of a frame, on average
FREE_REPEATS = 3600  # beyond that average, for short videos: a minute at 60 frames a second
STUCK = 3  # frames at one moment


@dataclass(frozen=True)
class Rate:
    """When frame i is shown: at start + i / fps seconds of the file's clock.

    constant: whether that holds, to half a frame, for the frames as they are (but for the first and the last,
    which encoders and cuts leave apart from the others).
    """

    fps: float
    start: float
    constant: bool
    jumps: bool = False

    @property
    def variable(self) -> bool:
        """Whether frames are repeated or left out to bring them to `fps`."""
        return not self.constant and not self.jumps


@dataclass(frozen=True)
class Packets:
    """Timestamps of the frames to show, (f,) in seconds, ascending; whether a packet is damaged."""

    times: NDArray[np.float64]
    corrupt: bool

    @property
    def stuck(self) -> bool:
        """Whether three or more are due at one moment; ffmpeg lists so packets whose times go backwards."""
        return _is_stuck(self.times)


def parse_packets(listing: str) -> Packets:
    """Read ffmpeg's framecrc: rows of "stream, dts, pts, duration, size, checksum[, F=flags][, ...]"."""
    base, stamps, corrupt = 1.0, [], False
    for line in listing.splitlines():
        if line.startswith("#tb 0: "):
            above, _, below = line[7:].partition("/")
            base = int(above) / int(below)
        elif line and not line.startswith("#"):
            columns = [column.strip() for column in line.split(",")]
            flags = next((int(column[2:], 16) for column in columns[6:] if column.startswith("F=")), 0)
            corrupt = corrupt or bool(flags & CORRUPT)
            if not flags & (CORRUPT | DISCARD):
                stamps.append(_shown(columns))
    return Packets(np.sort(np.array(stamps, np.float64)) * base, corrupt)


def find_rate(times: NDArray[np.float64], declared: float | None) -> Rate:
    """Find the rate at which frames come.

    times: timestamps in seconds (f,), ascending, f >= 1. declared: what the file says, if anything.
    Where frames come at changing intervals it is the rate of the usual interval: pauses do not lower it.

    Timestamps jump, and are of no use but for the usual interval, where
    - three or more frames are due at one moment, as when time goes backwards,
    - a gap is longer than a minute (MAX_STILL) and than 60 usual intervals, or the rate below one a minute,
    - more repeats would be needed than MAX_REPEATS a frame and FREE_REPEATS beyond.
    So no clip has more than 101 * f + 3600 frames.
    """
    if declared is not None and declared > MAX_FPS:
        declared = None  # no rate, but the clock of the file
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]
    if not intervals.size:
        return Rate(declared or 1.0, float(times[0]), constant=True, jumps=_is_stuck(times))
    found = _rate_of(times, intervals, declared)
    if found.fps * MAX_STILL < 1:
        return Rate(declared or 1.0, float(times[0]), constant=False, jumps=True)
    return replace(found, jumps=_is_stuck(times) or (not found.constant and _leaps(times, found.fps)))


def _rate_of(times: NDArray[np.float64], intervals: NDArray[np.float64], declared: float | None) -> Rate:
    mean = (len(times) - 1) / float(times[-1] - times[0])
    for rate in (declared or mean, mean):
        start = _start_at(times, rate)
        if start is not None:
            return Rate(rate, start, constant=True)
    median = np.sort(intervals)[(len(intervals) - 1) // 2]  # one that is there, not the mean of two
    usual = intervals[np.abs(intervals / median - 1) < NEAR]
    rate = float(1 / usual.mean())
    if declared is not None and abs(rate / declared - 1) < ROUNDING:
        rate = declared
    return Rate(rate, float(times[0]), constant=False)


def _leaps(times: NDArray[np.float64], fps: float) -> bool:
    """Whether gaps are longer, or need more repeated frames, than those of videos."""
    longest, implied = float(np.diff(times).max()), float(times[-1] - times[0]) * fps
    leap = longest > MAX_STILL and longest * fps > MAX_STILL
    return leap or implied > MAX_REPEATS * len(times) + FREE_REPEATS


def _is_stuck(times: NDArray[np.float64]) -> bool:
    return bool((times[STUCK - 1 :] <= times[: -STUCK + 1]).any())


def _shown(columns: list[str]) -> int:
    decoded, shown = int(columns[1]), int(columns[2])
    return shown if shown != np.iinfo(np.int64).min else decoded  # containers without times of showing


def _start_at(times: NDArray[np.float64], rate: float) -> float | None:
    """Return when frame 0 is due if frames come at a constant rate; None where they do not."""
    due = times - np.arange(len(times)) / rate
    few = len(times) < FEW
    start = float(times[0] if few else np.median(due))
    apart = np.abs(due - start) * rate  # in frames
    outermost = 0.5 if few else 1.5
    return start if (apart[1:-1] < 0.5).all() and (apart < outermost).all() else None
