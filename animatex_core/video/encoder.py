"""Piping frames into ffmpeg, and reporting its failures."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from ..errors import InvalidInput, StorageError
from ..utils.files import storage_errors
from ..utils.progress import Check, Progress, no_check
from .containers import input_args
from .ffmpeg import FFmpegStream, last_log_line, run
from .image import Frame, require_rgb
from .process import Guard

# ffmpeg's messages, which do not depend on the language of the system.
SPACE_ERRORS = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "File too large": errno.EFBIG,
}
PIXELS = {3: "rgb24", 4: "rgba"}


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
    """Encode frames with ffmpeg.

    Args:
        frames: (h, w, 3) uint8 RGB of one size, or (h, w, 4) with straight alpha.
        options: ffmpeg's options for the output.
        fps: Frames per second.
        target: The path that the user requested, for messages.
        total: The number of frames, 0 if unknown; for `progress`.
        progress: Called with the frames written and `total`; an exception stops the work.
        output: The file to write.
        check: Called several times a second while ffmpeg takes a frame; an exception stops the work.

    Returns:
        The number of frames.

    Raises:
        InvalidInput: There are no frames.
        StorageError: The file cannot be written.

    """
    first = next(frames, None)
    if first is None:
        raise InvalidInput(f"There are no frames to write to {str(target)!r}: give at least one.")
    height, width, channels = first.shape
    rate = Fraction(float(fps)).limit_denominator(100_000)
    raw = ["-f", "rawvideo", "-pix_fmt", PIXELS[channels], "-s", f"{width}x{height}", "-framerate", str(rate)]
    arguments = ["-v", "error", "-y", *raw, "-i", "pipe:0", *options, *output_args(output)]
    with FFmpegStream(arguments, Guard(target, check, output), reading=False) as process:
        done = 0
        for frame in chain([first], frames):
            if not process.write(frame):
                break
            done += 1
            progress(done, total)
        status = process.finish()
    check_success(target, status, process.log)
    return done


def output_args(path: Path) -> list[str]:
    """Return ffmpeg's options for an output file that grows with each frame, as a sign of activity."""
    return ["-flush_packets", "1", f"file:{path}"]


def run_checked(guard: Guard, options: Sequence[str], given: bytes = b"") -> bytes:
    """Run ffmpeg to write a file.

    Args:
        guard: Ends the process if it hangs; names the file.
        options: Arguments of ffmpeg.
        given: Standard input.

    Returns:
        Its standard output.

    Raises:
        StorageError: It failed.

    """
    done = run(["-nostats", "-y", *options], guard, given)
    check_success(Path(guard.subject), done.status, done.log)
    return done.output


def check_success(target: Path, status: int, log: str) -> None:
    """Raise StorageError if ffmpeg failed to write `target`."""
    check_space(target, log)
    if status:
        raise StorageError(
            f"{target} could not be written because ffmpeg failed ({last_log_line(log)}): try another format."
        )


def check_space(target: Path, log: str) -> None:
    """Raise StorageError if ffmpeg ran out of space; the exit status of old versions does not show it."""
    for words, number in SPACE_ERRORS.items():
        if words in log:
            with storage_errors(target):
                raise OSError(number, os.strerror(number))


def check_frames(frames: Iterable[Frame], *, even: bool, channels: int = 3) -> Iterator[Frame]:
    """Check frames one by one.

    Args:
        frames: The frames.
        even: Whether to repeat the last column and row of frames with odd sizes.
        channels: 3, or 4 for frames with alpha.

    Yields:
        Frames, (h, w, channels) uint8.

    Raises:
        InvalidInput: One is not (h, w, channels) uint8, or differs in size from the first.

    """
    size = None
    for number, frame in enumerate(frames):
        require_rgb(frame, f"Frame {number}", channels)
        size = size or frame.shape
        if frame.shape != size:
            raise InvalidInput(
                f"Frame {number} is {frame.shape[1]}x{frame.shape[0]} pixels, but the first is "
                f"{size[1]}x{size[0]}: give frames of the same size."
            )
        yield _even(frame) if even else frame


def _even(frame: Frame) -> Frame:
    height, width, _ = frame.shape
    if height % 2 or width % 2:
        return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return frame


def to_gif(video: Path, gif: Path, target: Path, *, loop: bool, check: Check = no_check) -> None:
    """Convert a video to a GIF.

    The video is read twice, for its palette and for its frames: in one pass, ffmpeg would keep all frames in
    memory until the palette is known. The first pass outputs nothing but the palette at its end, so
    `showinfo` logs each frame as a sign of activity.

    Args:
        video: The video.
        gif: The file to write.
        target: The path that the user requested, for messages.
        loop: Whether the GIF repeats.
        check: As for `encode`.

    Raises:
        StorageError: The file cannot be written.

    """
    read, guard = input_args(video), Guard(target, check, gif)
    colours = ["-vf", "showinfo=checksum=0,palettegen", "-c:v", "png", "-f", "image2pipe", "pipe:1"]
    palette = run_checked(guard, [*read, *colours])
    painted = ["-f", "png_pipe", "-i", "pipe:0", "-lavfi", "[0:v][1:v]paletteuse=dither=sierra2_4a"]
    looping = ["-loop", "0" if loop else "-1", "-f", "gif", *output_args(gif)]
    run_checked(guard, ["-v", "error", *read, *painted, *looping], given=palette)
