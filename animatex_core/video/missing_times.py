"""Presentation times of frames whose packets have none."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..utils.progress import Check
from .containers import input_args
from .ffmpeg import run
from .process import Guard
from .timestamps import INTERVAL_TOLERANCE, Packets, Rate, find_rate, parse_packets

TICKS = 3e-3  # seconds by which ffmpeg may move a packet behind one whose time it guessed
MAX_WRONG = 8  # frames whose guessed times the file may contradict
QUICK = 0.25  # an interval below this share of the usual one belongs to frames that lost their times
# Streams without a container have no times at all, and versions of ffmpeg guess them differently.
STREAMS = frozenset(("h264", "hevc", "av1", "obu", "m4v", "mpegvideo", "mjpeg"))

Times = NDArray[np.float64]
TIME_TOLERANCE = 1e-6  # seconds
LISTING = ("-flush_packets", "1", "-f", "framecrc", "pipe:1")  # flush each line, as a sign of activity
ENDS_EARLY = re.compile(r"partial file|ended prematurely")


def list_packets(path: Path, stream: int, check: Check) -> tuple[Packets, bool]:
    """List the packets of a stream without decoding.

    Args:
        path: The video.
        stream: ffmpeg's index of the stream.
        check: Called several times a second meanwhile; an exception stops the work.

    Returns:
        The packets, and whether the file is damaged or truncated.

    """
    listing = ["-map", f"0:{stream}", "-c", "copy", *LISTING]
    done = run(["-nostdin", "-v", "error", "-copyts", *input_args(path), *listing], Guard(path, check))
    packets = parse_packets(done.output.decode("ascii", "replace"))
    return packets, packets.corrupt or ENDS_EARLY.search(done.log) is not None


def find_times(packets: Packets, container: str, first: float, declared: float | None) -> tuple[Times, Rate]:
    """Return when the frames of a video are shown, and their rate.

    Args:
        packets: Of the video.
        container: ffmpeg's names of the format, such as "matroska,webm".
        first: When ffmpeg shows the first decoded frame, in seconds; NaN if unknown.
        declared: The frames per second that the file declares, if any.

    Returns:
        Times in seconds, (f,), ascending; and the rate.

    """
    filled = fill_times(packets, container, first, declared)
    times = _times_shown(packets, first) if filled is None else filled
    found = find_rate(times, declared)
    if packets.repeats and declared is not None and not found.jumps:
        found = replace(found, fps=declared, constant=False)  # the other intervals say nothing about the rate
    return times, found


def _times_shown(packets: Packets, first: float) -> Times:
    """Return the times of frames from the first decoded one on: packets before it are not decoded."""
    if packets.stuck or np.isnan(first):  # "before" is undefined if time goes backwards
        return packets.times
    return np.append(first, packets.times[packets.times > first + TIME_TOLERANCE])


def fill_times(packets: Packets, container: str, first: float, declared: float | None) -> Times | None:
    """Return the times of all frames of a video in which some packets have none.

    Args:
        packets: Of the video.
        container: ffmpeg's names of the format, such as "matroska,webm".
        first: When ffmpeg shows the first decoded frame, in seconds.
        declared: The frames per second that the file declares, if any.

    Returns:
        Times in seconds, (f,), ascending; None if all packets have their own times.

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
    """Return the times of a Matroska video that starts before 0, where ffmpeg drops the times of frames.

    It then guesses later times, and delays the frames after them that do have a time.
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
    """Return the last time that ffmpeg guessed for a frame, None if it guessed none.

    If no frames are reordered, guesses are not marked: then about as many frames follow at the same moment.
    """
    if packets.lack_times:
        return float(packets.decoded[np.isnan(packets.shown)].max())
    if packets.shown.min(initial=0.0) < 0:  # times of the container are never below 0
        return -2 * TICKS
    stuck = np.flatnonzero(np.diff(packets.decoded) < TICKS / 2)
    if not stuck.size or stuck[-1] - stuck[0] >= len(stuck) or abs(len(stuck) - stuck[0]) > 1:
        return None
    return float(packets.decoded[stuck[0]])


def _without_quick_start(times: Times) -> Times:
    """Give the first frames of an AVI the usual interval if they follow each other immediately.

    This happens if a program cut the video before a key frame: AVI has no times before 0.
    """
    intervals = np.diff(times)
    if len(intervals) < 3 or not (intervals > 0).any():
        return times
    slow = np.flatnonzero(intervals >= QUICK * np.median(intervals[intervals > 0]))
    begin = slow[0] + 1  # of the frames with correct times
    if slow[0] < 2 or begin > len(times) - 2 or len(slow) < len(intervals) - slow[0]:
        return times
    usual = _usual_interval(times[begin:])
    return np.append(
        times[0] + usual * np.arange(begin), times[begin:] + times[0] - times[begin] + usual * begin
    )


def _without_repeats(times: Times) -> Times:
    """Space regular frames evenly if several have the same time.

    ffmpeg lists them so if it guessed their times too late and the next time of the file contradicts it.
    """
    intervals = np.diff(times)
    if not (intervals > 0).any() or (intervals >= TICKS / 2).all():
        return times
    usual = _usual_interval(times)
    repeats = intervals < TICKS / 2
    is_regular = (repeats | (np.abs(intervals / usual - 1) < INTERVAL_TOLERANCE)).all()
    if not is_regular or repeats.sum() > MAX_WRONG:  # two concatenated videos
        return times
    return times[0] + usual * np.arange(len(times))


def _usual_interval(times: Times) -> float:
    """Return the mean of the intervals near the median, since rounding makes them uneven."""
    intervals = np.diff(times)
    intervals = intervals[intervals > 0]
    return float(intervals[np.abs(intervals / np.median(intervals) - 1) < INTERVAL_TOLERANCE].mean())


def _in_slots(decoded: Times, known: Times, first: float) -> Times:
    """Return presentation times that equal the decoding times plus one delay.

    This holds if the decoder waits equally long for each frame. MPEG program streams have only some times.
    """
    delay = max(min(known[0], first) - decoded[0], known[-1] - decoded[-1], 0.0)
    slots = _without_repeats(decoded + delay)
    half = np.diff(slots).min(initial=np.inf) / 2
    nearest = np.abs(slots - first).min()
    return slots[slots > first - half] if nearest < half else slots
