"""Frames piped into ffmpeg, and its failures as messages."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..errors import InvalidInput, StorageError
from ..utils.files import storage_errors
from ..utils.progress import Check, Progress, no_check
from .containers import source
from .ffmpeg import Running, reason, run
from .image import Frame, require_rgb
from .process import Guard

# What ffmpeg says on every system, whatever its language.
LIMITS = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "File too large": errno.EFBIG,
}


def encode(
    frames: Iterator[Frame],
    options: Sequence[str],
    *,
    fps: float,
    target: Path,
    total: int,
    progress: Progress,
    output: Path,
    check: Check = no_check,
) -> int:
    """Have ffmpeg write frames of one size, (h, w, 3) uint8 RGB, and return how many there were.

    options: those of the output. output: the file to write. target: what the user asked for, for messages.
    check: called several times a second while ffmpeg takes a frame; what it raises ends the work.
    """
    first = next(frames, None)
    if first is None:
        raise InvalidInput(f"There are no frames to write to {str(target)!r}: give one or more.")
    height, width, _ = first.shape
    rate = Fraction(float(fps)).limit_denominator(100_000)
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", str(rate)]
    arguments = ["-v", "error", "-y", *raw, "-i", "pipe:0", *options, *written_to(output)]
    with Running(arguments, Guard(target, check, output), reading=False) as process:
        done = 0
        for frame in _after(first, frames):
            if not process.write(frame):
                break
            done += 1
            progress(done, total)
        status = process.finish()
    check_success(target, status, process.log)
    return done


def written_to(path: Path) -> list[str]:
    """Return ffmpeg's options for an output file that grows with each frame, as a sign of progress."""
    return ["-flush_packets", "1", f"file:{path}"]


def run_for(guard: Guard, options: Sequence[str], given: bytes = b"") -> bytes:
    """Run ffmpeg for a file that the user asked for, and return its output; raises StorageError."""
    done = run(["-nostats", "-y", *options], guard, given)
    check_success(Path(guard.subject), done.status, done.log)
    return done.output


def check_success(target: Path, status: int, log: str) -> None:
    """Raise StorageError where ffmpeg failed to write `target`."""
    check_space(target, log)
    if status:
        raise StorageError(
            f"{target} could not be written, for ffmpeg failed ({reason(log)}): try another format."
        )


def check_space(target: Path, log: str) -> None:
    """Raise StorageError where ffmpeg ran out of space, which old ones do not say by their exit status."""
    for words, number in LIMITS.items():
        if words in log:
            with storage_errors(target):
                raise OSError(number, os.strerror(number))


def uniform(frames: Iterable[Frame], *, even: bool) -> Iterator[Frame]:
    """Check frames one by one. even: repeat the last column or row of those of odd sizes.

    Raises InvalidInput for what is not (h, w, 3) uint8 or of another size than the first.
    """
    size = None
    for number, frame in enumerate(frames):
        require_rgb(frame, f"Frame {number}")
        size = size or frame.shape
        if frame.shape != size:
            raise InvalidInput(
                f"Frame {number} is {frame.shape[1]}x{frame.shape[0]} pixels, but the first is "
                f"{size[1]}x{size[0]}: give frames of one size."
            )
        yield _even(frame) if even else frame


def _even(frame: Frame) -> Frame:
    height, width, _ = frame.shape
    if height % 2 or width % 2:
        return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return frame


def _after(first: Frame, frames: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from frames


def to_gif(video: Path, gif: Path, target: Path, *, loop: bool, check: Check = no_check) -> None:
    """Write `gif` from `video`. target: what the user asked for, for messages.

    The clip is read twice, once for its colours and once for its frames: in one go, ffmpeg would hold every
    frame in memory until the palette is known. The first reading gives out nothing but a palette at its end:
    `showinfo` logs each frame as a sign of progress. check: as for `encode`.
    """
    clip, guard = source(video), Guard(target, check, gif)
    colours = ["-vf", "showinfo=checksum=0,palettegen", "-c:v", "png", "-f", "image2pipe", "pipe:1"]
    palette = run_for(guard, [*clip, *colours])
    painted = ["-f", "png_pipe", "-i", "pipe:0", "-lavfi", "[0:v][1:v]paletteuse=dither=sierra2_4a"]
    looping = ["-loop", "0" if loop else "-1", "-f", "gif", *written_to(gif)]
    run_for(guard, ["-v", "error", *clip, *painted, *looping], given=palette)
