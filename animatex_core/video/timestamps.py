"""When the frames of a video are shown, and the resulting frame rate. Pure arithmetic on timestamps."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

KEY, CORRUPT, DISCARD = 0x1, 0x2, 0x4  # ffmpeg's flags of packets
ROUNDING = 0.01  # the change of a rate that timestamps in whole milliseconds may cause
MIN_FRAMES = 8  # with fewer frames, none can be treated as an exception
INTERVAL_TOLERANCE = 0.25  # an interval that differs less than this from the usual one is a usual one
MAX_FPS = 1000.0
MAX_FRAME_SECONDS = 60.0  # seconds for which a frame may be shown
MAX_REPEATS = 100  # of a frame, on average
FREE_REPEATS = 3600  # beyond that average, for short videos: a minute at 60 fps
MIN_STUCK = 3  # frames at one moment


@dataclass(frozen=True)
class Rate:
    """The frame rate: frame i is shown at start + i / fps seconds of the file's clock.

    Attributes:
        fps: Frames per second.
        start: When frame 0 is shown, in seconds.
        constant: Whether this holds for the stored frames, to half a frame; except for the first and last,
            which encoders and cuts may separate from the others.
        jumps: Whether the timestamps are useless; see `find_rate`.

    """

    fps: float
    start: float
    constant: bool
    jumps: bool = False

    @property
    def variable(self) -> bool:
        """Whether frames are repeated or dropped to reach `fps`."""
        return not self.constant and not self.jumps


@dataclass(frozen=True)
class Packets:
    """The packets of the frames to show, in decoding order; all times in seconds.

    Attributes:
        decoded: Decoding times, (f,).
        shown: Presentation times, (f,); NaN if the file has none.
        keys: Which are key frames, (f,) bool.
        corrupt: Whether any packet of the file is damaged.
        repeats: Whether there were empty packets, which repeat the previous frame; they are left out.

    """

    decoded: NDArray[np.float64]
    shown: NDArray[np.float64]
    keys: NDArray[np.bool_]
    corrupt: bool
    repeats: bool = False

    @property
    def times(self) -> NDArray[np.float64]:
        """Presentation times or, without them, decoding times, (f,), ascending."""
        return np.sort(np.where(np.isnan(self.shown), self.decoded, self.shown))

    @property
    def lack_times(self) -> bool:
        """Whether some frames have no presentation time in the file."""
        return bool(np.isnan(self.shown).any())

    def from_first_key(self) -> "Packets":
        """Return the packets from the first key frame on: nothing can be decoded before it."""
        first = int(self.keys.argmax()) if self.keys.size else 0
        return replace(self, **{name: getattr(self, name)[first:] for name in ("decoded", "shown", "keys")})

    @property
    def stuck(self) -> bool:
        """Whether three or more have the same time, as ffmpeg lists packets whose times go backwards."""
        return _is_stuck(self.times)


def parse_packets(listing: str) -> Packets:
    """Parse ffmpeg's framecrc: rows of "stream, dts, pts, duration, size, checksum[, F=flags][, ...]"."""
    base, rows, corrupt, repeats = 1.0, [], False, False
    for line in listing.splitlines():
        if line.startswith("#tb 0: "):
            numerator, _, denominator = line[7:].partition("/")
            base = int(numerator) / int(denominator)
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
    """Determine the frame rate.

    For variable intervals, it is the rate of the usual interval: pauses do not lower it.

    Timestamps jump, and only their usual interval is used, if
    - three or more frames have the same time, for example because time goes backwards,
    - a gap is longer than a minute (MAX_STILL) and than 60 usual intervals, or there is less than one frame a
      minute,
    - more repeats would be needed than MAX_REPEATS per frame and FREE_REPEATS beyond.
    So no video has more than 101 * f + 3600 frames.

    Args:
        times: Timestamps in seconds, (f,), ascending, f >= 1.
        declared: The frames per second that the file declares, if any.

    Returns:
        The rate.

    """
    if declared is not None and declared > MAX_FPS:
        declared = None  # not a frame rate but the clock of the file
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]
    if not intervals.size:
        return Rate(declared or 1.0, float(times[0]), constant=True, jumps=_is_stuck(times))
    found = _rate_of(times, intervals, declared)
    if found.fps * MAX_FRAME_SECONDS < 1:
        return Rate(declared or 1.0, float(times[0]), constant=False, jumps=True)
    return replace(found, jumps=_is_stuck(times) or (not found.constant and _leaps(times, found.fps)))


def _rate_of(times: NDArray[np.float64], intervals: NDArray[np.float64], declared: float | None) -> Rate:
    mean = (len(times) - 1) / float(times[-1] - times[0])
    for rate in (declared or mean, mean):
        start = _start_at(times, rate)
        if start is not None:
            return Rate(rate, start, constant=True)
    median = np.sort(intervals)[(len(intervals) - 1) // 2]  # an existing interval, not the mean of two
    usual = intervals[np.abs(intervals / median - 1) < INTERVAL_TOLERANCE]
    rate = float(1 / usual.mean())
    if declared is not None and abs(rate / declared - 1) < ROUNDING:
        rate = declared
    return Rate(rate, float(times[0]), constant=False)


def _leaps(times: NDArray[np.float64], fps: float) -> bool:
    """Return whether gaps are longer, or need more repeated frames, than those of real videos."""
    longest, implied = float(np.diff(times).max()), float(times[-1] - times[0]) * fps
    leap = longest > MAX_FRAME_SECONDS and longest * fps > MAX_FRAME_SECONDS
    return leap or implied > MAX_REPEATS * len(times) + FREE_REPEATS


def _is_stuck(times: NDArray[np.float64]) -> bool:
    return bool((times[MIN_STUCK - 1 :] <= times[: -MIN_STUCK + 1]).any())


def _seconds(stamp: str, base: float) -> float:
    return int(stamp) * base if int(stamp) != np.iinfo(np.int64).min else np.nan


def _start_at(times: NDArray[np.float64], rate: float) -> float | None:
    """Return when frame 0 is due if frames come at a constant rate; None if they do not."""
    due = times - np.arange(len(times)) / rate
    few = len(times) < MIN_FRAMES
    start = float(times[0] if few else np.median(due))
    apart = np.abs(due - start) * rate  # in frames
    outermost = 0.5 if few else 1.5
    return start if (apart[1:-1] < 0.5).all() and (apart < outermost).all() else None
