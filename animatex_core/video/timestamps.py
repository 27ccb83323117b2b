"""When the frames of a clip are shown, and which frame rate that makes. Pure arithmetic over timestamps."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

KEY, CORRUPT, DISCARD = 0x1, 0x2, 0x4  # flags that ffmpeg gives packets
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
    """The packets of the frames to show, in the order of decoding; all times in seconds.

    Attributes:
        decoded: When each is due for decoding, (f,).
        shown: When it is shown, (f,), NaN where the file does not say.
        keys: Which are key frames, (f,) bool.
        corrupt: Whether any packet of the file is damaged.
        repeats: Whether there were packets without content, which repeat the frame before; left out.

    """

    decoded: NDArray[np.float64]
    shown: NDArray[np.float64]
    keys: NDArray[np.bool_]
    corrupt: bool
    repeats: bool = False

    @property
    def times(self) -> NDArray[np.float64]:
        """Times of showing or, without those, of decoding, (f,), ascending."""
        return np.sort(np.where(np.isnan(self.shown), self.decoded, self.shown))

    @property
    def lack_times(self) -> bool:
        """Whether the file does not say when some of the frames are shown."""
        return bool(np.isnan(self.shown).any())

    def from_first_key(self) -> "Packets":
        """Return those from the first key frame on, before which nothing can be decoded."""
        first = int(self.keys.argmax()) if self.keys.size else 0
        return replace(self, **{name: getattr(self, name)[first:] for name in ("decoded", "shown", "keys")})

    @property
    def stuck(self) -> bool:
        """Whether three or more are due at one moment; ffmpeg lists so packets whose times go backwards."""
        return _is_stuck(self.times)


def parse_packets(listing: str) -> Packets:
    """Read ffmpeg's framecrc: rows of "stream, dts, pts, duration, size, checksum[, F=flags][, ...]"."""
    base, rows, corrupt, repeats = 1.0, [], False, False
    for line in listing.splitlines():
        if line.startswith("#tb 0: "):
            above, _, below = line[7:].partition("/")
            base = int(above) / int(below)
        elif line and not line.startswith("#"):
            columns = [column.strip() for column in line.split(",")]
            flags = next((int(column[2:], 16) for column in columns[6:] if column.startswith("F=")), KEY)
            corrupt = corrupt or bool(flags & CORRUPT)
            repeats = repeats or columns[4] == "0"
            if not flags & (CORRUPT | DISCARD) and columns[4] != "0":
                rows.append((_seconds(columns[1], base), _seconds(columns[2], base), flags & KEY))
    table = np.array(rows, np.float64).reshape(-1, 3)
    return Packets(table[:, 0], table[:, 1], table[:, 2] > 0, corrupt, repeats)


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


def _seconds(stamp: str, base: float) -> float:
    return int(stamp) * base if int(stamp) != np.iinfo(np.int64).min else np.nan


def _start_at(times: NDArray[np.float64], rate: float) -> float | None:
    """Return when frame 0 is due if frames come at a constant rate; None where they do not."""
    due = times - np.arange(len(times)) / rate
    few = len(times) < FEW
    start = float(times[0] if few else np.median(due))
    apart = np.abs(due - start) * rate  # in frames
    outermost = 0.5 if few else 1.5
    return start if (apart[1:-1] < 0.5).all() and (apart < outermost).all() else None
