"""Frames of a clip, one after the other, in the memory of a few."""

import warnings
from collections.abc import Generator, Sequence
from itertools import count, pairwise
from pathlib import Path

import numpy as np

from ..errors import AnimateXWarning, InvalidInput
from ..progress import Check, Progress, no_check, no_progress
from .clip import ClipInfo, decoding, probe
from .ffmpeg import Running, reason
from .frame import Frame, on_white
from .watching import Guard


def read_frames(
    clip: str | Path | ClipInfo,
    *,
    indices: Sequence[int] | None = None,
    progress: Progress = no_progress,
    check: Check = no_check,
) -> Generator[Frame]:
    """Read the frames of a clip, (h, w, 3) uint8 RGB: all of them, or those of ascending `indices`.

    Frames are turned as the file says, and transparent ones laid on white. A clip of a constant rate gives
    exactly its own frames; one whose rate changes gives for frame i the one shown at i / fps (or nearest).
    progress: called with the frames decoded, those skipped too, and those to decode (0 where that is
    unknown); what it raises ends the work. check: the same while a frame is waited for.
    Closing the iterator ends ffmpeg at once. Where fewer frames can be decoded than the file promises or
    `indices` ask for, an AnimateXWarning follows the last of them and says how many there were.
    Raises InvalidInput for what cannot be read, at once, and at the first frame where none can be decoded.
    """
    info = clip if isinstance(clip, ClipInfo) else probe(clip, check)
    wanted = None if indices is None else [int(index) for index in indices]
    if wanted and (wanted[0] < 0 or any(later <= earlier for earlier, later in pairwise(wanted))):
        raise InvalidInput("The indices of frames must ascend and begin at 0 or later: sort them.")
    return _frames(info, wanted, progress, check)


def _frames(info: ClipInfo, wanted: list[int] | None, progress: Progress, check: Check) -> Generator[Frame]:
    due = iter(count() if wanted is None else wanted)
    following = next(due, None)
    if following is None:
        return
    last = info.frames if info.variable else None
    total = wanted[-1] + 1 if wanted else info.frames or 0
    skipped = _empty(info)  # those not asked for are decoded over each other
    raw = ["-pix_fmt", "rgba" if info.has_alpha else "rgb24", "-f", "rawvideo", "pipe:1"]
    options = ["-v", "error", *decoding(info), *raw]
    with Running(options, Guard(info.path, check), reading=True) as process:
        for number in count() if last is None else range(last):
            frame = _empty(info) if number == following else skipped
            if not process.read_into(frame):
                break
            progress(number + 1, total)
            if number == following:
                yield on_white(frame) if info.has_alpha else frame
                following = next(due, None)
                if following is None:
                    return
        else:
            number = last or 0
    _report_end(info, number, wanted, process.log)


def _empty(info: ClipInfo) -> Frame:
    return np.empty((info.height, info.width, 4 if info.has_alpha else 3), np.uint8)


def _report_end(info: ClipInfo, decoded: int, wanted: list[int] | None, log: str) -> None:
    """Say what is missing at the end of the stream."""
    name = str(info.path)
    if decoded == 0:
        raise InvalidInput(f"No frame of the clip {name!r} can be decoded ({reason(log)}): export it again.")
    promised = max(info.declared or 0, info.frames or 0)
    if decoded < promised and not (info.jumps and wanted is None and info.declared is None):
        sentence = (
            f"The clip {name!r} is damaged or cut off: only {decoded} of {promised} frames can be read."
        )
    elif wanted is not None:
        sentence = f"The clip {name!r} has {decoded} frames, but frame {wanted[-1]} was asked for too."
    else:
        return
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)
