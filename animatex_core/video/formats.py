"""Output formats of videos, and their metadata."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInput
from ..utils.files import scratch_file, storage_errors

MAX_QUALITY = 10  # quality
MIN_FPS = 0.1
GIF_FPS = 50  # players slow down faster ones
SPECIAL = re.compile(r"[=;#\\\r\n]")  # characters that ffmpeg's metadata format escapes
AN = ("mp4", "animated", "APNG")  # beginnings of names that are spoken with a vowel
NUMBER_PATTERN = re.compile(r"%0?\d*d")


# Players assume BT.601 for small videos without colour tags and BT.709 for large ones, so files are tagged.
# Frames are tagged too, because new ffmpeg versions copy the tags of the file from them.
def _colours(pixels: str) -> tuple[str, str]:
    return (
        "-vf",
        f"scale=out_color_matrix=bt709:out_range=tv,format={pixels},"
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
    )


_TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")


def _h264(quality: float) -> tuple[str, ...]:
    return (*_colours("yuv420p"), "-c:v", "libx264", "-crf", f"{40 - 3 * quality:g}", *_TAGS)


def _vp9(quality: float, pixels: str = "yuv420p") -> tuple[str, ...]:
    speed = ("-deadline", "good", "-cpu-used", "4", "-row-mt", "1")
    return (
        *_colours(pixels),
        "-c:v",
        "libvpx-vp9",
        "-b:v",
        "0",
        "-crf",
        f"{55 - 4 * quality:.0f}",
        *speed,
        *_TAGS,
    )


def _vp9_alpha(quality: float) -> tuple[str, ...]:
    # Frames that are never shown have no alpha, and players mix up the two streams.
    return (*_vp9(quality, "yuva420p"), "-auto-alt-ref", "0")


def _prores(_: float) -> tuple[str, ...]:
    return (*_colours("yuv444p10le"), "-c:v", "prores_ks", "-profile:v", "4444", *_TAGS)


def _prores_alpha(_: float) -> tuple[str, ...]:
    profile = ("-profile:v", "4444", "-alpha_bits", "16")
    return (*_colours("yuva444p10le"), "-c:v", "prores_ks", *profile, *_TAGS)


def _webp(quality: float) -> tuple[str, ...]:
    # As bgra, since libwebp would read yuv as BT.601.
    lossless = "1" if quality == MAX_QUALITY else "0"
    return (
        "-c:v",
        "libwebp_anim",
        "-pix_fmt",
        "bgra",
        "-lossless",
        lossless,
        "-quality",
        f"{10 * quality:g}",
    )


def _apng(_: float) -> tuple[str, ...]:
    return ("-c:v", "apng", "-pix_fmt", "rgb24", "-pred", "mixed")


def _apng_alpha(_: float) -> tuple[str, ...]:
    return ("-c:v", "apng", "-pix_fmt", "rgba", "-pred", "mixed")


def _lossless(_: float) -> tuple[str, ...]:
    return ("-c:v", "ffv1", "-pix_fmt", "bgr0", "-f", "matroska")


@dataclass(frozen=True)
class Format:
    """An output format.

    Attributes:
        name: For messages.
        video: Returns ffmpeg's options for the video stream at a quality of 0 to 10.
        container: ffmpeg's options for the file.
        sound: ffmpeg's options for the audio stream; empty if the format has no audio.
        block: The samples per block of audio.
        even: Whether width and height must be even.
        alpha: Like `video`, for a stream with straight alpha; None if the format has no alpha.
        repeat: ffmpeg's options for an animation that repeats.

    """

    name: str
    video: Callable[[float], tuple[str, ...]] = _lossless
    container: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    block: int = 1
    even: bool = False
    alpha: Callable[[float], tuple[str, ...]] | None = None
    repeat: tuple[str, ...] = ()

    @property
    def with_article(self) -> str:
        """The name for messages, such as "an mp4" or "a gif"."""
        return f"{'an' if self.name.startswith(AN) else 'a'} {self.name}"

    @property
    def as_subject(self) -> str:
        """The name at the beginning of a sentence, such as "An mp4" or "A gif"."""
        return f"A{self.with_article[1:]}"


_BOXES = ("-movflags", "+faststart+use_metadata_tags")  # tags of any name, as ComfyUI reads and writes them
MP4 = Format("mp4", _h264, (*_BOXES, "-f", "mp4"), ("-c:a", "aac", "-b:a", "192k"), 1024, True)
WEBM = Format("webm", _vp9, ("-f", "webm"), ("-c:a", "libopus", "-b:a", "128k"), 1, True, _vp9_alpha)
GIF = Format("gif")  # written from a lossless video, because its palette depends on all frames
# Without ffmpeg, whose old versions do not report a full disk.
PNG = Format("PNG sequence", alpha=_lossless)
MOV = Format("mov", _prores, (*_BOXES, "-f", "mov"), ("-c:a", "pcm_s16le"), alpha=_prores_alpha)
WEBP = Format("animated WebP", _webp, ("-f", "webp"), alpha=_webp, repeat=("-loop", "0"))
APNG = Format("APNG", _apng, ("-f", "apng"), alpha=_apng_alpha, repeat=("-plays", "0"))
FORMATS = {".mp4": MP4, ".webm": WEBM, ".gif": GIF, ".mov": MOV, ".webp": WEBP, ".apng": APNG}
UNTAGGED = (GIF, WEBP, APNG)  # formats without metadata


def format_of(path: Path) -> Format:
    """Return the format of an output path.

    Args:
        path: With a suffix of `FORMATS`; a directory or a pattern such as %04d.png for a PNG sequence.

    Returns:
        The format.

    Raises:
        InvalidInput: The suffix is unknown.

    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    if not suffix or (suffix == ".png" and len(NUMBER_PATTERN.findall(path.name)) == 1):
        return PNG
    raise InvalidInput(
        f"{str(path)!r} is not a video name: use one that ends in {', '.join(FORMATS)} or %04d.png, or a "
        "directory without a suffix for PNG files."
    )


def check_settings(kind: Format, fps: float, quality: float) -> None:
    """Check a frame rate and quality before frames are computed.

    Args:
        kind: The format.
        fps: Frames per second.
        quality: 0 to 10.

    Raises:
        InvalidInput: The format does not support one of them.

    """
    most = GIF_FPS if kind is GIF else 1000
    if not MIN_FPS <= fps <= most:
        raise InvalidInput(
            f"fps is {fps:g}, but {kind.with_article} supports {MIN_FPS:g} to {most}: use a rate in that "
            "range."
        )
    if not 0 <= quality <= MAX_QUALITY:
        raise InvalidInput(f"quality is {quality:g}, but it must be 0 (small files) to {MAX_QUALITY} (best).")


def require_alpha(kind: Format) -> None:
    """Raise InvalidInput for a format that cannot store transparency."""
    if kind.alpha is None:
        suffixes = ", ".join(suffix for suffix, each in FORMATS.items() if each.alpha is not None)
        raise InvalidInput(
            f"{kind.as_subject} cannot store transparency: use {suffixes}, or a directory for PNG files."
        )


def check_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return the metadata, or raise InvalidInput for a text that cannot be passed to ffmpeg.

    That is one without a name, with a NUL character, or with a backslash at its end, which new versions of
    ffmpeg misread.
    """
    for name, text in metadata.items():
        if not name or "\0" in name + text or "\\" in (name[-1:], text[-1:]):
            raise InvalidInput(
                f"The metadata {name!r} has no name, contains a NUL character or ends with a backslash: "
                "leave it out."
            )
    return metadata


@contextmanager
def metadata_args(target: Path, metadata: Mapping[str, str]) -> Iterator[list[str]]:
    """Provide the ffmpeg options that add metadata to a video with one input, during the block."""
    if not metadata:
        yield []
        return
    with scratch_file(target) as file:
        with storage_errors(target):
            file.write_bytes(as_ffmetadata(metadata).encode("utf-8", "replace"))
        yield ["-f", "ffmetadata", "-i", f"file:{file}", "-map_metadata", "1"]


def as_ffmetadata(metadata: Mapping[str, str]) -> str:
    """Return metadata in ffmpeg's format: a line name=text each, with special characters escaped."""
    lines = (f"{_escaped(name)}={_escaped(text)}\n" for name, text in metadata.items())
    return ";FFMETADATA1\n" + "".join(lines)


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)
