"""The packets of a video as ffmpeg lists them, and when its frames are shown by them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..progress import Check
from .containers import source
from .ffmpeg import run
from .missing_times import fill_times
from .timestamps import Packets, Rate, find_rate, parse_packets
from .watching import Guard

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
