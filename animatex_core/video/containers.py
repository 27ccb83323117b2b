"""Which files ffmpeg may open, and how much of its memory they may use.

ffmpeg chooses a demuxer by the content of a file, whatever its name says. Some of them (DASH, HLS, concat,
image lists, SDP) are lists that open other files and addresses, or wait for more for ever. So only formats
that hold the video or sound themselves are allowed, read from local files.
"""

import re
from pathlib import Path

from ..errors import InvalidInput

# Names of demuxers, of ffmpeg 4.2 to 9; a name that a version lacks is ignored.
VIDEO_FORMATS = (
    *(
        "mov",
        "mp4",
        "m4a",
        "3gp",
        "3g2",
        "mj2",
        "matroska",
        "webm",
        "avi",
        "mpegts",
        "mpeg",
        "flv",
        "asf",
        "ogg",
    ),
    *("gif", "apng", "webp_anim", "mxf", "nut", "dv", "rm", "ivf", "yuv4mpegpipe"),
    *("h264", "hevc", "av1", "obu", "m4v", "mpegvideo", "mjpeg"),  # streams without a container
    *("png_pipe", "jpeg_pipe", "webp_pipe"),  # a single image is a video of one frame
)
AUDIO_FORMATS = (
    *("wav", "w64", "mp3", "flac", "aac", "loas", "ac3", "eac3", "dts", "truehd", "aiff", "caf", "au"),
    *("amr", "ape", "tta", "tak", "wv"),
)
MAX_PIXELS = 8192 * 8192  # of one frame: 200 MB of RGB
MAX_STREAMS = 256  # fonts that a video carries count too
MAX_BLOCK_BYTES = 1 << 30  # of one piece of ffmpeg's memory, such as the index of a file
MAX_SAMPLE_RATE = 768_000
MAX_CHANNELS = 64
_LIMITS = (
    *("-max_alloc", str(MAX_BLOCK_BYTES), "-max_streams", str(MAX_STREAMS), "-max_pixels", str(MAX_PIXELS)),
)
_WHITELISTS = (
    *("-format_whitelist", ",".join(VIDEO_FORMATS + AUDIO_FORMATS), "-protocol_whitelist", "file,pipe"),
)
_HEAD_BYTES = 4096
# Text that lists or describes other files, by how it begins.
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
# What ffmpeg logs where a limit above is exceeded.
_EXCEEDED = {
    "exceeds specified max pixel count": f"its frames are larger than {MAX_PIXELS:,} pixels",
    "exceeds max_streams": f"it has more than {MAX_STREAMS - 1} streams",
    "Format not on whitelist": "it is in a format that is not used for video or sound",
    "not on whitelist": "it refers to a file or address outside of itself",
}


def source(path: Path) -> list[str]:
    """Return ffmpeg's options for reading a local file, by its content and within the limits.

    The prefix `file:` makes ffmpeg take every name as a path, whatever it looks like.
    """
    return [*_LIMITS, *_WHITELISTS, "-i", f"file:{path}"]


def refuse_lists(path: Path, role: str) -> None:
    """Raise InvalidInput for a text file, such as a playlist or manifest, which only names other files.

    Args:
        path: A file that exists.
        role: What the file is to the user, for the message.

    """
    found = _kind_of_text(_head(path, role))
    if found is not None:
        raise InvalidInput(
            f"The {role} {str(path)!r} is not a clip or sound that can be read, it is {found}: give the "
            "video or sound file itself, for example an mp4."
        )


def exceeded_limit(log: str) -> str | None:
    """Return which rule of this module a log of ffmpeg says that a file breaks, None where it says none."""
    return next((meaning for words, meaning in _EXCEEDED.items() if words in log), None)


def check_streams(path: Path, log: str) -> None:
    """Raise InvalidInput where a file declares too many streams, or sound of an absurd rate or many channels.

    Args:
        path: The file, for the message.
        log: What ffmpeg said of its input.

    """
    if len(_STREAM.findall(log)) >= MAX_STREAMS:  # some versions leave the others out and go on
        raise InvalidInput(
            f"{str(path)!r} has more than the {MAX_STREAMS - 1} streams that are read: export it again."
        )
    for rate, channels in _SOUND.findall(log):
        if int(rate) > MAX_SAMPLE_RATE or int(channels or 0) > MAX_CHANNELS:
            raise InvalidInput(
                f"The sound of {str(path)!r} has {rate} samples a second and {channels or 'a few'} channels, "
                f"but {MAX_SAMPLE_RATE} and {MAX_CHANNELS} are the most: export it again."
            )


def _head(path: Path, role: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be read ({error.strerror}): check its rights."
        ) from error


def _kind_of_text(head: bytes) -> str | None:
    """Say what a text is by its beginning; None for binary files and for texts that name no other file."""
    text = _decoded(head).lstrip()
    return next((kind for pattern, kind in _LISTS.items() if pattern.match(text)), None)


def _decoded(head: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    return head.decode("utf-8-sig", "replace")
