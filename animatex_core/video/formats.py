"""Formats that videos are written in, and the metadata that they carry."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput
from ..utils.files import scratch_file, storage_errors

SPECIAL = re.compile(r"[=;#\\\r\n]")


@contextmanager
def tagging(target: Path, metadata: Mapping[str, str]) -> Iterator[list[str]]:
    """Give the options that make ffmpeg tag a clip of one input; their file goes at the end of the block."""
    if not metadata:
        yield []
        return
    with scratch_file(target) as file:
        with storage_errors(target):
            file.write_bytes(as_ffmetadata(metadata).encode("utf-8", "replace"))
        yield ["-f", "ffmetadata", "-i", f"file:{file}", "-map_metadata", "1"]


def as_ffmetadata(metadata: Mapping[str, str]) -> str:
    """Return texts in ffmpeg's own format for them: a line name=text each, special characters escaped."""
    lines = (f"{_escaped(name)}={_escaped(text)}\n" for name, text in metadata.items())
    return ";FFMETADATA1\n" + "".join(lines)


def check_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return the texts, or raise InvalidInput where one has no name or cannot be handed to ffmpeg.

    That is one with the character NUL, or with a backslash at its end, which new ffmpegs misread.
    """
    for name, text in metadata.items():
        if not name or "\0" in name + text or "\\" in (name[-1:], text[-1:]):
            raise InvalidInput(
                f"The metadata {name!r} has no name, holds the character NUL or ends with a backslash: "
                "leave it out."
            )
    return metadata


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)


BEST = 10  # quality
MIN_FPS = 0.1
GIF_FPS = 50  # players show faster ones slowly
# Players take unmarked colours of small clips for BT.601 and of large ones for BT.709: so they are marked.
# The frames are marked too: new ffmpegs take the tags of the file from them.
_COLOURS = (
    "-vf",
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
)
_MARKS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")


def _h264(quality: float) -> tuple[str, ...]:
    return (*_COLOURS, "-c:v", "libx264", "-crf", f"{40 - 3 * quality:g}", *_MARKS)


def _vp9(quality: float) -> tuple[str, ...]:
    speed = ("-deadline", "good", "-cpu-used", "4", "-row-mt", "1")
    return (*_COLOURS, "-c:v", "libvpx-vp9", "-b:v", "0", "-crf", f"{55 - 4 * quality:.0f}", *speed, *_MARKS)


def _lossless(_: float) -> tuple[str, ...]:
    return ("-c:v", "ffv1", "-pix_fmt", "bgr0", "-f", "matroska")


@dataclass(frozen=True)
class Format:
    """A kind of clip.

    video: ffmpeg's options for a quality of 0 to 10; container: those of the file itself.
    sound: those for its sound, empty where it has none; block: samples that come together in it.
    even: whether width and height must be even.
    """

    name: str
    video: Callable[[float], tuple[str, ...]] = _lossless
    container: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    block: int = 1
    even: bool = False


_BOXES = ("-movflags", "+faststart+use_metadata_tags")  # tags of any name, as ComfyUI reads and writes them
MP4 = Format("mp4", _h264, (*_BOXES, "-f", "mp4"), ("-c:a", "aac", "-b:a", "192k"), 1024, True)
WEBM = Format("webm", _vp9, ("-f", "webm"), ("-c:a", "libopus", "-b:a", "128k"), even=True)
GIF = Format("gif")  # first a lossless clip, for its palette is that of all frames
PNG = Format("PNG sequence")  # without ffmpeg, which in old versions does not say that the disk is full
FORMATS = {".mp4": MP4, ".webm": WEBM, ".gif": GIF}
NUMBER = re.compile(r"%0?\d*d")


def format_of(path: Path) -> Format:
    """Return what a path asks for: .mp4, .webm, .gif, or PNG for a folder or a pattern such as %04d.png."""
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    if not suffix or (suffix == ".png" and len(NUMBER.findall(path.name)) == 1):
        return PNG
    raise InvalidInput(
        f"{str(path)!r} cannot become a clip: end its name in {', '.join(FORMATS)} or %04d.png, "
        "or name a folder without a suffix for PNG files."
    )


def check_settings(kind: Format, fps: float, quality: float) -> None:
    """Raise InvalidInput for rates and qualities that cannot be."""
    most = GIF_FPS if kind is GIF else 1000
    if not MIN_FPS <= fps <= most:
        raise InvalidInput(
            f"fps is {fps:g}, but a {kind.name} takes rates of {MIN_FPS:g} to {most}: take one."
        )
    if not 0 <= quality <= BEST:
        raise InvalidInput(f"quality is {quality:g}, but it must be 0 (small files) to {BEST} (best).")
