"""Restrictions on what ffmpeg may open, and how much memory a file may take.

ffmpeg chooses the demuxer by the content of a file, whatever its name. Some formats (DASH, HLS, concat, image
lists, SDP) are lists that open other files and URLs, or wait for more input forever. So only formats that
contain the video or audio themselves are allowed, read from local files.
"""

import re
from pathlib import Path

from ..errors import InvalidInput

# Demuxers of ffmpeg 4.2 to 9; ffmpeg ignores names that it does not know.
VIDEO_FORMATS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "asf"),
    *("ogg", "gif", "apng", "webp_anim", "mxf", "nut", "dv", "rm", "ivf", "yuv4mpegpipe"),
    *("h264", "hevc", "av1", "obu", "m4v", "mpegvideo", "mjpeg"),  # streams without a container
    *("png_pipe", "jpeg_pipe", "webp_pipe"),  # a single image is a video of one frame
)
AUDIO_FORMATS = (
    *("wav", "w64", "mp3", "flac", "aac", "loas", "ac3", "eac3", "dts", "truehd", "aiff", "caf", "au"),
    *("amr", "ape", "tta", "tak", "wv"),
)
MAX_PIXELS = 8192 * 8192  # of one frame: 200 MB of RGB
MAX_STREAMS = 256  # including the fonts that a video may contain
MAX_BLOCK_BYTES = 1 << 30  # of one allocation of ffmpeg, such as the index of a file
MAX_SAMPLE_RATE = 768_000
MAX_CHANNELS = 64
_LIMITS = (
    *("-max_alloc", str(MAX_BLOCK_BYTES), "-max_streams", str(MAX_STREAMS), "-max_pixels", str(MAX_PIXELS)),
)
_WHITELISTS = (
    *("-format_whitelist", ",".join(VIDEO_FORMATS + AUDIO_FORMATS), "-protocol_whitelist", "file,pipe"),
)
_HEAD_BYTES = 4096
# Text that lists or describes other files, by its beginning.
_LISTS = {
    re.compile(r"#EXTM3U"): "an HLS or M3U playlist",
    re.compile(r"(<\?xml.*)?<MPD\b", re.DOTALL): "a DASH manifest",
    re.compile(r"(<\?xml.*)?<SmoothStreamingMedia\b", re.DOTALL): "a Smooth Streaming manifest",
    re.compile(r"(<\?xml.*)?<(asx|smil|playlist)\b", re.DOTALL | re.IGNORECASE): "a playlist",
    re.compile(r"\[playlist\]", re.IGNORECASE): "a playlist",
    re.compile(r"ffconcat version"): "a concat script of ffmpeg",
    re.compile(r"v=0\r?\n"): "a description of a network stream (SDP)",
    re.compile(r";FFMETADATA"): "metadata of ffmpeg",
}
_STREAM = re.compile(r"^ +Stream #0:\d+", re.MULTILINE)
_SOUND = re.compile(r"Stream #0:\d+.*?: Audio: .*?\b(\d+) Hz(?:, (\d+) channels)?")
# ffmpeg's messages about the limits above.
_EXCEEDED = {
    "exceeds specified max pixel count": f"its frames have more than {MAX_PIXELS:,} pixels",
    "exceeds max_streams": f"it has more than {MAX_STREAMS - 1} streams",
    "Format not on whitelist": "it is in a format that is not used for video or audio",
    "not on whitelist": "it refers to another file or URL",
}


def input_args(path: Path) -> list[str]:
    """Return ffmpeg's options for reading a local file within the limits, by its content.

    The prefix `file:` makes ffmpeg treat every name as a path, whatever it looks like.
    """
    return [*_LIMITS, *_WHITELISTS, "-i", f"file:{path}"]


def refuse_lists(path: Path, role: str) -> None:
    """Refuse a text file, such as a playlist or manifest, that only refers to other files.

    Args:
        path: An existing file.
        role: What messages call the file.

    Raises:
        InvalidInput: It is such a file, or cannot be read.

    """
    found = _kind_of_text(_head(path, role))
    if found is not None:
        raise InvalidInput(
            f"The {role} {str(path)!r} is not a readable video or audio file but {found}: give the video or "
            "audio file itself, for example an mp4."
        )


def exceeded_limit(log: str) -> str | None:
    """Return which restriction of this module a log of ffmpeg reports, None if it reports none."""
    return next((meaning for words, meaning in _EXCEEDED.items() if words in log), None)


def check_streams(path: Path, log: str) -> None:
    """Refuse a file that declares too many streams, or audio with an absurd rate or channel count.

    Args:
        path: The file, for messages.
        log: ffmpeg's description of its input.

    Raises:
        InvalidInput: It exceeds a limit.

    """
    if len(_STREAM.findall(log)) >= MAX_STREAMS:  # some versions ignore further streams
        raise InvalidInput(f"{str(path)!r} has more than {MAX_STREAMS - 1} streams: export it again.")
    for rate, channels in _SOUND.findall(log):
        if int(rate) > MAX_SAMPLE_RATE or int(channels or 0) > MAX_CHANNELS:
            raise InvalidInput(
                f"The audio of {str(path)!r} has {rate} samples per second and {channels or 'a few'} "
                f"channels, but the maximum is {MAX_SAMPLE_RATE} and {MAX_CHANNELS}: export it again."
            )


def _head(path: Path, role: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be read ({error.strerror}): check its permissions."
        ) from error


def _kind_of_text(head: bytes) -> str | None:
    """Describe a text by its beginning; None for binary files and texts that refer to no other file."""
    text = _decoded(head).lstrip()
    return next((kind for pattern, kind in _LISTS.items() if pattern.match(text)), None)


def _decoded(head: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    return head.decode("utf-8-sig", "replace")
