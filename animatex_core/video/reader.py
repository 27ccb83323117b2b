"""Reading the frames of a video one by one, with only a few in memory."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, warn
from ..utils.files import scratch_folder
from ..utils.progress import Check, Progress, no_check, no_progress
from .colour import HLG, hlg_cube
from .ffmpeg import FFmpegStream, last_log_line
from .filters import FrameConversion, choose_conversion
from .image import Frame, read_image, read_rgba
from .image_colour import blend_on_white
from .info import VideoInfo, decode_args, probe
from .process import Guard
from .stream_colour import StreamColour


def read_frames(
    clip: str | Path | VideoInfo,
    *,
    indices: Sequence[int] | None = None,
    progress: Progress = no_progress,
    check: Check = no_check,
    alpha: bool = False,
) -> Generator[Frame]:
    """Read the frames of a video.

    Frames are rotated as the file requests, and transparency is blended with white unless it is wanted.
    Non-square pixels are scaled horizontally. Interlaced frames are deinterlaced without changing their
    number. Colours are sRGB as a calibrated player shows them; for HDR see `colour`. Frames of another size
    than the first are fitted into it with black bars. A video with a constant rate yields exactly its own
    frames; one with a variable rate yields for frame i the one shown at i / fps (or nearest).

    Closing the generator ends ffmpeg immediately. An AnimateXWarning follows the last frame if sizes differ,
    or if fewer frames can be decoded than the file declares or `indices` request.

    Args:
        clip: The video, as a path or from `probe`.
        indices: Ascending frame numbers; None: all frames.
        progress: Called with the frames decoded, including skipped ones, and those to decode, 0 if unknown;
            an exception stops the work.
        check: Called several times a second while a frame is awaited; an exception stops the work.
        alpha: Whether to keep transparency, as straight alpha; frames without any are opaque.

    Yields:
        Frames, (h, w, 3) uint8 RGB, or (h, w, 4) with `alpha`.

    Raises:
        InvalidInput: The video cannot be read or `indices` are invalid (immediately), or no frame can be
            decoded (at the first frame).

    """
    info = clip if isinstance(clip, VideoInfo) else probe(clip, check)
    wanted = None if indices is None else [int(index) for index in indices]
    if wanted and (wanted[0] < 0 or any(later <= earlier for earlier, later in pairwise(wanted))):
        raise InvalidInput("The frame indices must be ascending and not negative: sort them.")
    read = _image_frames if info.images else _frames
    return read(info, wanted, progress, check, alpha)


def _frames(
    info: VideoInfo, wanted: list[int] | None, progress: Progress, check: Check, alpha: bool
) -> Generator[Frame]:
    due = iter(count() if wanted is None else wanted)
    following = next(due, None)
    if following is None:
        return
    if info.is_image and following == 0:
        yield read_rgba(info.path) if alpha else read_image(info.path).rgb
        progress(1, 1)
        following = next(due, None) if wanted is not None else None
        if following is not None:
            _report_end(info, 1, wanted, "")
        return
    last = info.frames if info.variable else None
    total = wanted[-1] + 1 if wanted else info.frames or 0
    number = -1
    with cube_file(info.colour) as cube:
        how = choose_conversion(info.geometry, info.colour, has_alpha=info.has_alpha, cube=cube)
        skipped = _empty(info, how)  # skipped frames are decoded into the same array
        raw = ["-pix_fmt", how.pixel_format, "-f", "rawvideo", "pipe:1"]
        with FFmpegStream(
            [*decode_args(info, how.filters), *raw], Guard(info.path, check), reading=True
        ) as process:
            while following is not None and number + 1 != last:
                frame = _empty(info, how) if number + 1 == following else skipped
                if not process.read_into(frame):
                    break
                number += 1
                progress(number + 1, total)
                if number == following:
                    yield _finished(frame, info, how, alpha)
                    following = next(due, None)
    _warn_of_sizes(info, process.sizes)
    if following is not None:
        _report_end(info, number + 1, wanted, process.log)


def _image_frames(
    info: VideoInfo, wanted: list[int] | None, progress: Progress, check: Check, alpha: bool
) -> Generator[Frame]:
    """Read only the requested images of a sequence."""
    total = len(info.images)
    chosen = range(total) if wanted is None else wanted
    for done, number in enumerate(chosen, start=1):
        check()
        if number >= total:
            _report_end(info, total, wanted, "")
            return
        frame = read_rgba(info.images[number]) if alpha else read_image(info.images[number]).rgb
        if frame.shape[:2] != (info.height, info.width):
            raise InvalidInput(f"The size of {str(info.images[number])!r} has changed: start again.")
        progress(done, len(chosen))
        yield frame


@contextmanager
def cube_file(colour: StreamColour) -> Iterator[Path | None]:
    """Provide the file of a lookup table that ffmpeg needs for HLG; None for other videos."""
    if colour.transfer != HLG:
        yield None
        return
    with scratch_folder(Path(gettempdir(), "animatex-colour")) as folder:
        path = folder / "hlg.cube"
        path.write_bytes(hlg_cube())
        yield path


def _empty(info: VideoInfo, how: FrameConversion) -> NDArray[Any]:
    channels = 4 if how.pixel_format == "rgba" else 3
    return np.empty((info.height, info.width, channels), np.uint16 if how.converts else np.uint8)


def _finished(frame: NDArray[Any], info: VideoInfo, how: FrameConversion, alpha: bool) -> Frame:
    if how.converts:
        assert info.colour.conversion is not None
        frame = info.colour.conversion.frame(frame)
    if frame.shape[2] == 4:
        return frame if alpha else blend_on_white(frame)
    return np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) if alpha else frame


def _warn_of_sizes(info: VideoInfo, sizes: int) -> None:
    if sizes > 1:
        warn(
            f"The frames of the video {str(info.path)!r} change their size: all are fitted into the "
            f"{info.width}x{info.height} pixels of the first, keeping their shape.",
            stacklevel=3,
        )


def _report_end(info: VideoInfo, decoded: int, wanted: list[int] | None, log: str) -> None:
    """Report what is missing at the end of the stream."""
    name = str(info.path)
    if decoded == 0:
        raise InvalidInput(
            f"No frame of the video {name!r} can be decoded ({last_log_line(log)}): export it again."
        )
    promised = max(info.declared or 0, info.frames or 0)
    if decoded < promised and not (info.jumps and wanted is None and info.declared is None):
        warn(
            f"The video {name!r} is damaged or truncated: only {decoded} of {promised} frames can be read.",
            stacklevel=3,
        )
    elif wanted is not None:
        warn(
            f"The video {name!r} has {decoded} frames, but frame {wanted[-1]} was requested too.",
            stacklevel=3,
        )
