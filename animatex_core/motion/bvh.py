"""Read BVH files as a stream: the hierarchy, then the numbers of all frames, bounded before they are read."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import InvalidInput, warn
from ..utils.documents import FileFault
from ..utils.progress import Progress, no_progress
from ..utils.text import shorten_key
from ..utils.validation import may_block, require_file
from .file_forms import EXPORT, describe_other_file
from .hierarchy import MAX_NUMBER, parse_hierarchy
from .skeleton import MotionCapture, Skeleton

SUFFIX = ".bvh"
BLOCK = 1 << 20  # bytes read at once
MAX_HEADER = 4 << 20  # bytes before the first frame
MAX_VALUES = 30_000_000  # numbers: 240 MB, or 50 minutes of 80 joints at 120 frames per second
LINE_BYTES = 64  # per channel, the longest line that counts as one frame
MAX_FPS, USUAL_FPS = 1000, 30
SHORTER = "cut the recording into shorter ones, or export it at a lower frame rate"
_MOTION = re.compile(
    rb"\bMOTION\s+Frames\s*:\s*(?P<frames>\S+)\s+Frame\s+Time\s*:\s*(?P<time>\S+)(?=\s|$)", re.IGNORECASE
)
_COUNT = re.compile(rb"\+?\d{1,18}")


def is_bvh(path: str | Path) -> bool:
    """Return whether a path is named like a BVH file."""
    return Path(path).suffix.lower() == SUFFIX


def read_bvh(path: str | Path, progress: Progress = no_progress) -> MotionCapture:
    """Read a BVH file.

    An AnimateXWarning is issued if the file has fewer or more frames than it declares, or no frame time.

    Args:
        path: The file.
        progress: Called with the numbers that are read and those there are. An exception it raises stops the
            work.

    Returns:
        The skeleton and its motion.

    Raises:
        InvalidInput: The file cannot be read, is not BVH, is broken or is too large. The message says what
            to do.

    """
    path = Path(path)
    require_file(path, "motion file")
    try:
        if may_block(path):
            raise FileFault("is a pipe or device: give a file")
        with path.open("rb") as file:
            return _read(file, progress)
    except OSError as error:
        raise InvalidInput(
            f"The motion file {str(path)!r} cannot be read ({error.strerror}): check it."
        ) from error
    except FileFault as error:
        raise InvalidInput(f"The motion file {str(path)!r} {error}.") from error


@dataclass(frozen=True)
class _Header:
    """Skeleton, declared frames, seconds per frame, where the frames begin, what was read of them already."""

    skeleton: Skeleton
    frames: int
    frame_time: float
    start: int
    rest: bytes


def _read(file: BinaryIO, progress: Progress) -> MotionCapture:
    header = _read_header(file)
    skeleton, count = header.skeleton, header.frames * header.skeleton.num_channels
    if count > MAX_VALUES:
        raise FileFault(
            f"has {header.frames:,} frames of {skeleton.num_channels} channels, but at most {MAX_VALUES:,} "
            f"numbers are read: {SHORTER}"
        )
    values, is_longer = _read_numbers(file, header.rest, count, progress)
    whole = len(values) // skeleton.num_channels
    if whole == 0:
        raise FileFault(f"has no frames: {EXPORT}, with its animation")
    if whole < header.frames or is_longer:
        _require_even_lines(file, header)
        found = f"only {whole:,}" if whole < header.frames else "more"
        warn(f"The motion file declares {header.frames:,} frames but has {found}: {whole:,} are used.")
    frames = values[: whole * skeleton.num_channels].reshape(whole, -1)
    _require_finite(frames)
    return MotionCapture(skeleton, frames, header.frame_time)


def _read_header(file: BinaryIO) -> _Header:
    data = file.read(BLOCK)
    if (fault := describe_other_file(data)) is not None:
        raise FileFault(fault)
    found = _MOTION.search(data)
    while (
        (found is None or found.end() == len(data)) and len(data) <= MAX_HEADER and (more := file.read(BLOCK))
    ):
        data += more
        found = _MOTION.search(data)
    text = data[: found.start() if found else MAX_HEADER].decode("utf-8-sig", "replace")
    skeleton = parse_hierarchy(text if found else text.partition("MOTION")[0])
    if found is None:
        raise FileFault(f"has no MOTION with Frames and Frame Time: {EXPORT}, with its animation")
    start = found.end()
    return _Header(skeleton, _count(found["frames"]), _seconds(found["time"]), start, data[start:])


def _require_even_lines(file: BinaryIO, header: _Header) -> None:
    """Refuse frames with too few or too many numbers, since all numbers that follow would be shifted.

    The last line may be cut off. Files that do not put each frame on a line of its own are not checked.
    """
    channels = header.skeleton.num_channels
    limit = LINE_BYTES * channels
    file.seek(header.start)
    cut, number = 0, 0
    while line := file.readline(limit):
        if len(line) == limit:
            return
        if not (found := len(line.split())):
            continue
        number += 1
        if cut or found > channels:
            frame, has = (number - 1, cut) if cut else (number, found)
            raise FileFault(
                f"has {has} numbers in frame {frame}, but its bones have {channels} channels: {EXPORT}"
            )
        cut = found if found < channels else 0


def _count(text: bytes) -> int:
    if _COUNT.fullmatch(text) is None:
        raise FileFault(f"declares {_shown(text)} frames, but that must be a whole number: {EXPORT}")
    if int(text) == 0:
        raise FileFault(f"has no frames: {EXPORT}, with its animation")
    return int(text)


def _seconds(text: bytes) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise FileFault(f"has the frame time {_shown(text)}, but that must be seconds: {EXPORT}") from error
    if seconds == 0:
        warn(f"The motion file has no frame time: {USUAL_FPS} frames per second are assumed.")
        return 1 / USUAL_FPS
    if not math.isfinite(seconds) or not 1 / MAX_FPS <= seconds <= MAX_FPS:
        raise FileFault(f"has a frame time of {seconds:g} seconds, but that must be 0.001 to 1000: {EXPORT}")
    return seconds


def _read_numbers(file: BinaryIO, rest: bytes, count: int, progress: Progress) -> tuple[np.ndarray, bool]:
    """Return at most `count` numbers (n,), and whether there are more."""
    values, done = np.empty(count), 0
    for text in _whole_tokens(file, rest):
        tokens = text.split()
        taken = min(len(tokens), count - done)
        values[done : done + taken] = _parsed(tokens[:taken])
        done += taken
        progress(done, count)
        if taken < len(tokens):
            return values, True
    return values[:done], False


def _parsed(tokens: list[bytes]) -> np.ndarray:
    try:
        return np.array(tokens, dtype=np.float64) if tokens else np.empty(0)
    except ValueError as error:
        raise _no_number(tokens) from error


def _no_number(tokens: list[bytes]) -> FileFault:
    for token in tokens:
        try:
            float(token)
        except ValueError:
            point = "write decimals with a point" if b"," in token else EXPORT
            return FileFault(f"has {_shown(token)} among the numbers of its frames: {point}")
    return FileFault(f"has frames that are not numbers: {EXPORT}")


def _whole_tokens(file: BinaryIO, rest: bytes) -> Iterator[bytes]:
    """Yield the remaining bytes in blocks that do not end inside a number."""
    tail = rest
    for block in _blocks(file):
        text = tail + block
        cut = max(text.rfind(space) for space in (b" ", b"\n", b"\t", b"\r")) + 1
        if len(text) - cut > BLOCK:
            raise FileFault(f"has frames that are not numbers: {EXPORT}")
        yield text[:cut]
        tail = text[cut:]
    yield tail


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, BLOCK), b"")


def _require_finite(frames: np.ndarray) -> None:
    bad = ~(np.abs(frames) <= MAX_NUMBER)  # also true for NaN
    if bad.any():
        frame = int(bad.any(axis=1).argmax())
        raise FileFault(
            f"has a number that is not finite, or beyond {MAX_NUMBER:g}, in frame {frame + 1}: {EXPORT}, or "
            "cut that frame out"
        )


def _shown(text: bytes) -> str:
    return repr(shorten_key(text.decode("utf-8", "replace")))
