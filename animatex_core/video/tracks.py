"""Selection of the video and audio stream of a file, from ffmpeg's description of its streams."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LINE = re.compile(r"^ {2,6}Stream #0:(\d+)\S*?: (Video|Audio): (\w+)(.*)$")
PROGRAM = re.compile(r"^ +(?:Program (\d+)|No Program)\b")
FORMAT = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
SIZE = re.compile(r", (\d+)x(\d+)[, \[]")
FLAG = re.compile(r"\(([a-z][a-z -]*)\)")
# Images next to a video that are not videos themselves.
STILLS = frozenset(("attached pic", "timed thumbnails", "still image", "dependent"))
# Audio that accompanies the main audio, or is meant for some listeners only.
SPECIAL = frozenset(("comment", "hearing impaired", "visual impaired", "descriptions", "karaoke"))


@dataclass(frozen=True)
class Track:
    """A video or audio stream of a file.

    Attributes:
        number: ffmpeg's index of the stream.
        kind: "Video" or "Audio".
        codec: ffmpeg's name, "none" if unknown.
        flags: The dispositions in ffmpeg's words, such as "default".
        pixels: Of a frame; 0 for audio.
        program: The program of a transport stream that it belongs to; None elsewhere.

    """

    number: int
    kind: str
    codec: str
    flags: frozenset[str] = frozenset()
    pixels: int = 0
    program: int | None = None

    @property
    def is_default(self) -> bool:
        """Whether players select it; in an mp4 the others are disabled."""
        return "default" in self.flags


@dataclass(frozen=True)
class Tracks:
    """The streams to read.

    Attributes:
        video: None if the file has no video.
        audio: None if the file has no audio.
        disabled_sound: Whether there is audio, but all of it is disabled in the file.

    """

    video: Track | None
    audio: Track | None
    disabled_sound: bool = False


def choose_tracks(log: str) -> Tracks:
    """Select the streams of a file as players do.

    Video: the default stream, and of several the largest, which excludes previews; never cover art. Audio:
    the default stream of the same program; commentaries and the like only if there is nothing else.

    Args:
        log: ffmpeg's description of the file alone.

    Returns:
        The streams.

    """
    found = list(parse_tracks(log))
    video = _best(found, "Video", lambda track: (track.codec != "none", track.is_default, track.pixels))
    program = video.program if video else None
    audio = _best(
        found,
        "Audio",
        lambda track: (
            track.codec != "none",
            track.program == program,
            track.is_default,
            not track.flags & SPECIAL,
        ),
    )
    # Some programs write no flags at all.
    is_disabled = audio is not None and not audio.is_default and video is not None and video.is_default
    if is_disabled and "mov" in container_of(log).split(","):
        return Tracks(video, None, disabled_sound=True)
    return Tracks(video, audio)


def parse_tracks(log: str) -> Iterator[Track]:
    """Yield the video and audio streams in a log of ffmpeg, except cover art and thumbnails."""
    seen: set[int] = set()
    program = None
    for line in log.splitlines():
        if heading := PROGRAM.match(line):
            program = int(heading[1]) if heading[1] else None
        found = LINE.match(line)
        if found is None or int(found[1]) in seen:
            continue
        seen.add(int(found[1]))
        flags, size = frozenset(FLAG.findall(found[4])), SIZE.search(found[4])
        if not flags & STILLS:
            pixels = int(size[1]) * int(size[2]) if size else 0
            yield Track(int(found[1]), found[2], found[3], flags, pixels, program)


def container_of(log: str) -> str:
    """Return ffmpeg's names of the format of a file, separated by commas."""
    found = FORMAT.search(log)
    return found[1] if found else ""


def _best(tracks: list[Track], kind: str, rank: Callable[[Track], tuple[int, ...]]) -> Track | None:
    """Return the track of a kind with the highest rank, the first of equal ones."""
    return max((track for track in tracks if track.kind == kind), key=rank, default=None)
