"""Presentation times of frames whose packets have none."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..utils.progress import Check
from .containers import source
from .ffmpeg import run
from .process import Guard
from .timestamps import NEAR, Packets, Rate, find_rate, parse_packets

TICKS = 3e-3  # seconds that ffmpeg may move a packet behind one whose time it guessed
MAX_WRONG = 8  # frames whose guessed times the file may contradict
QUICK = 0.25  # an interval below this part of the usual one belongs to frames that lost their times
# Streams without a container have no times at all, and versions of ffmpeg guess differently.
STREAMS = frozenset(("h264", "hevc", "av1", "obu", "m4v", "mpegvideo", "mjpeg"))

Times = NDArray[np.float64]


def fill_times(packets: Packets, container: str, first: float, declared: float | None) -> Times | None:
    """Return the times of all frames of a video some of whose packets have none of their own.

    Args:
        packets: Of the video.
        container: ffmpeg's names of the format, such as "matroska,webm".
        first: When ffmpeg says that the first decoded frame is shown, in seconds.
        declared: Frames per second that the file promises, if any.

    Returns:
        Times in seconds, (f,), ascending; None where the packets have times of their own.

    """
    packets, formats = packets.from_first_key(), container.split(",")
    if "matroska" in formats:
        return _before_zero(packets)
    if not packets.lack_times:
        return None
    if declared and not STREAMS.isdisjoint(formats):
        return np.arange(len(packets.shown)) / declared
    decoded, known = np.sort(packets.decoded), np.sort(packets.shown[~np.isnan(packets.shown)])
    if not known.size or "avi" in formats:
        return _without_quick_start(decoded)
    return _in_slots(decoded, known, first)


def _before_zero(packets: Packets) -> Times | None:
    """Return the times of a Matroska video that begins before 0, where ffmpeg drops the times of frames.

    It then guesses later ones, and moves the frames behind them that do have a time.
    """
    guessed = _last_guess(packets)
    if guessed is None:
        return None
    kept = np.sort(packets.shown[packets.shown > guessed + TICKS])
    if len(kept) < 2:
        return np.sort(packets.decoded)
    before = np.arange(len(packets.shown) - len(kept), 0, -1)
    return np.append(kept[0] - _usual_interval(kept) * before, kept)


def _last_guess(packets: Packets) -> float | None:
    """Return the last time that ffmpeg guessed for a frame, None where it guessed none.

    Without frames out of order it does not mark them: then about as many frames follow at the same moment.
    """
    if packets.lack_times:
        return float(packets.decoded[np.isnan(packets.shown)].max())
    if packets.shown.min(initial=0.0) < 0:  # the container's own are never below
        return -2 * TICKS
    stuck = np.flatnonzero(np.diff(packets.decoded) < TICKS / 2)
    if not stuck.size or stuck[-1] - stuck[0] >= len(stuck) or abs(len(stuck) - stuck[0]) > 1:
        return None
    return float(packets.decoded[stuck[0]])


def _without_quick_start(times: Times) -> Times:
    """Give the first frames of an AVI the usual interval where they follow each other at once.

    So they do where a program cut the video before a key frame: AVI has no time before 0.
    """
    intervals = np.diff(times)
    if len(intervals) < 3 or not (intervals > 0).any():
        return times
    slow = np.flatnonzero(intervals >= QUICK * np.median(intervals[intervals > 0]))
    begin = slow[0] + 1  # of the frames whose times are right
    if slow[0] < 2 or begin > len(times) - 2 or len(slow) < len(intervals) - slow[0]:
        return times
    usual = _usual_interval(times[begin:])
    return np.append(
        times[0] + usual * np.arange(begin), times[begin:] + times[0] - times[begin] + usual * begin
    )


def _without_repeats(times: Times) -> Times:
    """Let regular frames follow each other at once where several are due at one moment.

    So ffmpeg lists those whose times it guessed too late, where the next time of the file contradicts it.
    """
    intervals = np.diff(times)
    if not (intervals > 0).any() or (intervals >= TICKS / 2).all():
        return times
    usual = _usual_interval(times)
    repeats = intervals < TICKS / 2
    is_regular = (repeats | (np.abs(intervals / usual - 1) < NEAR)).all()
    if not is_regular or repeats.sum() > MAX_WRONG:  # two videos put behind each other
        return times
    return times[0] + usual * np.arange(len(times))


def _usual_interval(times: Times) -> float:
    """Return the mean of the intervals that are near to the median, which rounding makes uneven."""
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]
    return float(intervals[np.abs(intervals / np.median(intervals) - 1) < NEAR].mean())


def _in_slots(decoded: Times, known: Times, first: float) -> Times:
    """Return times of presentation where they are those of decoding, all later by one delay.

    That holds where decoders wait equally long for each frame. MPEG program streams give only some times.
    """
    delay = max(min(known[0], first) - decoded[0], known[-1] - decoded[-1], 0.0)
    slots = _without_repeats(decoded + delay)
    half = np.diff(slots).min(initial=np.inf) / 2
    nearest = np.abs(slots - first).min()
    return slots[slots > first - half] if nearest < half else slots


HAIR = 1e-6  # seconds
LISTING = ("-flush_packets", "1", "-f", "framecrc", "pipe:1")  # each line at once, as a sign of life
ENDS_EARLY = re.compile(r"partial file|ended prematurely")


def list_packets(path: Path, stream: int, check: Check) -> tuple[Packets, bool]:
    """List the packets of a stream without decoding; also return whether the file is damaged or cut off."""
    listing = ["-map", f"0:{stream}", "-c", "copy", *LISTING]
    done = run(["-nostdin", "-v", "error", "-copyts", *source(path), *listing], Guard(path, check))
    packets = parse_packets(done.output.decode("ascii", "replace"))
    return packets, packets.corrupt or ENDS_EARLY.search(done.log) is not None


def find_times(
    packets: Packets, container: str, first: float, declared: float | None
) -> tuple[NDArray[np.float64], Rate]:
    """Return when the frames of a video are shown, in seconds (f,), and their rate.

    Args:
        packets: Of the video.
        container: ffmpeg's names of the format, such as "matroska,webm".
        first: When the first decoded frame is shown by ffmpeg, in seconds; NaN where it does not say.
        declared: Frames per second that the file promises, if any.

    """
    filled = fill_times(packets, container, first, declared)
    times = _times_shown(packets, first) if filled is None else filled
    found = find_rate(times, declared)
    if packets.repeats and declared is not None and not found.jumps:
        found = replace(found, fps=declared, constant=False)  # the intervals between others say nothing
    return times, found


def _times_shown(packets: Packets, first: float) -> NDArray[np.float64]:
    """Return the times of the frames from the first decoded one on: packets before it are not decoded."""
    if packets.stuck or np.isnan(first):  # "before" has no meaning where time goes backwards
        return packets.times
    return np.append(first, packets.times[packets.times > first + HAIR])
