"""Frames of a clip, one after the other, in the memory of a few."""

import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import AnimateXWarning, InvalidInput
from ..utils.files import scratch_folder
from ..utils.progress import Check, Progress, no_check, no_progress
from .colour import HLG, hlg_cube
from .ffmpeg import Running, reason
from .filters import Reading, reading
from .image import Frame, on_white, read_picture
from .info import VideoInfo, decode_args, probe
from .process import Guard
from .stream_colour import StreamColour


def read_frames(
    clip: str | Path | VideoInfo,
    *,
    indices: Sequence[int] | None = None,
    progress: Progress = no_progress,
    check: Check = no_check,
) -> Generator[Frame]:
    """Read the frames of a clip, (h, w, 3) uint8 RGB: all of them, or those of ascending `indices`.

    Frames are turned as the file says, and transparent ones laid on white. Their pixels are square: where
    those of the file are not, its rows stay and their width is scaled. Interlaced frames are deinterlaced, as
    many as there are. Colours are sRGB, as a calibrated player shows them, and HDR as `colour` says. Frames
    of another size than the first are fitted into it with black bars, of which an AnimateXWarning says.
    A clip of a constant rate gives exactly its own frames; one whose rate changes gives for frame i the one
    shown at i / fps (or nearest).
    progress: called with the frames decoded, those skipped too, and those to decode (0 where that is
    unknown); what it raises ends the work. check: the same while a frame is waited for.
    Closing the iterator ends ffmpeg at once. Where fewer frames can be decoded than the file promises or
    `indices` ask for, an AnimateXWarning follows the last of them and says how many there were.
    Raises InvalidInput for what cannot be read, at once, and at the first frame where none can be decoded.
    """
    info = clip if isinstance(clip, VideoInfo) else probe(clip, check)
    wanted = None if indices is None else [int(index) for index in indices]
    if wanted and (wanted[0] < 0 or any(later <= earlier for earlier, later in pairwise(wanted))):
        raise InvalidInput("The indices of frames must ascend and begin at 0 or later: sort them.")
    read = _of_pictures if info.pictures else _frames
    return read(info, wanted, progress, check)


def _frames(info: VideoInfo, wanted: list[int] | None, progress: Progress, check: Check) -> Generator[Frame]:
    due = iter(count() if wanted is None else wanted)
    following = next(due, None)
    if following is None:
        return
    if info.is_picture and following == 0:
        yield read_picture(info.path).rgb
        progress(1, 1)
        following = next(due, None) if wanted is not None else None
        if following is not None:
            _report_end(info, 1, wanted, "")
        return
    last = info.frames if info.variable else None
    total = wanted[-1] + 1 if wanted else info.frames or 0
    number = -1
    with cube_file(info.colour) as cube:
        how = reading(info.geometry, info.colour, has_alpha=info.has_alpha, cube=cube)
        skipped = _empty(info, how)  # those not asked for are decoded over each other
        raw = ["-pix_fmt", how.pixel_format, "-f", "rawvideo", "pipe:1"]
        with Running(
            [*decode_args(info, how.filters), *raw], Guard(info.path, check), reading=True
        ) as process:
            while following is not None and number + 1 != last:
                frame = _empty(info, how) if number + 1 == following else skipped
                if not process.read_into(frame):
                    break
                number += 1
                progress(number + 1, total)
                if number == following:
                    yield _finished(frame, info, how)
                    following = next(due, None)
    _warn_of_sizes(info, process.sizes)
    if following is not None:
        _report_end(info, number + 1, wanted, process.log)


def _of_pictures(
    info: VideoInfo, wanted: list[int] | None, progress: Progress, check: Check
) -> Generator[Frame]:
    """Read only the pictures that are asked for."""
    total = len(info.pictures)
    chosen = range(total) if wanted is None else wanted
    for done, number in enumerate(chosen, start=1):
        check()
        if number >= total:
            _report_end(info, total, wanted, "")
            return
        frame = read_picture(info.pictures[number]).rgb
        if frame.shape != (info.height, info.width, 3):
            raise InvalidInput(f"{str(info.pictures[number])!r} has changed its size: start again.")
        progress(done, len(chosen))
        yield frame


@contextmanager
def cube_file(colour: StreamColour) -> Iterator[Path | None]:
    """Give the path of a table that ffmpeg needs for HLG; None for other videos."""
    if colour.transfer != HLG:
        yield None
        return
    with scratch_folder(Path(gettempdir(), "animatex-colour")) as folder:
        path = folder / "hlg.cube"
        path.write_bytes(hlg_cube())
        yield path


def _empty(info: VideoInfo, how: Reading) -> NDArray[Any]:
    channels = 4 if how.pixel_format == "rgba" else 3
    return np.empty((info.height, info.width, channels), np.uint16 if how.converts else np.uint8)


def _finished(frame: NDArray[Any], info: VideoInfo, how: Reading) -> Frame:
    if how.converts:
        assert info.colour.conversion is not None
        return info.colour.conversion.frame(frame)
    return on_white(frame) if how.pixel_format == "rgba" else frame


def _warn_of_sizes(info: VideoInfo, sizes: int) -> None:
    if sizes > 1:
        sentence = (
            f"The frames of the clip {str(info.path)!r} change their size: all are fitted into the "
            f"{info.width}x{info.height} pixels of the first, without changing their shape."
        )
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def _report_end(info: VideoInfo, decoded: int, wanted: list[int] | None, log: str) -> None:
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
