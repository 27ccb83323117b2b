"""When the frames of a clip are shown, and which frame rate that makes. Pure arithmetic over timestamps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CORRUPT, DISCARD = 0x2, 0x4  # flags that ffmpeg gives packets
ROUNDING = 0.01  # what timestamps in whole milliseconds may change a rate by
FEW = 8  # frames, of which none can be left out of account
NEAR = 0.25  # an interval that differs less than this from the usual one is a usual one


@dataclass(frozen=True)
class Rate:
    """When frame i is shown: at start + i / fps seconds of the file's clock.

    constant: whether that holds, to half a frame, for the frames as they are (but for the first and the last,
    which encoders and cuts leave apart from the others).
    """

    fps: float
    start: float
    constant: bool


@dataclass(frozen=True)
class Packets:
    """Timestamps of the frames to show, (f,) in seconds, ascending; whether a packet is damaged."""

    times: NDArray[np.float64]
    corrupt: bool


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
    """
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]
    if not intervals.size:
        return Rate(declared or 1.0, float(times[0]), constant=True)
    mean = (len(times) - 1) / float(times[-1] - times[0])
    for rate in (declared or mean, mean):
        start = _start_at(times, rate)
        if start is not None:
            return Rate(rate, start, constant=True)
    median = np.median(intervals)
    usual = intervals[np.abs(intervals / median - 1) < NEAR]
    rate = float(1 / usual.mean())
    if declared is not None and abs(rate / declared - 1) < ROUNDING:
        rate = declared
    return Rate(rate, float(times[0]), constant=False)


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
