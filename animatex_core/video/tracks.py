"""Which video and which sound of a file is played, by what ffmpeg logs of its streams."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LINE = re.compile(r"^ {2,6}Stream #0:(\d+)\S*?: (Video|Audio): (\w+)(.*)$")
PROGRAM = re.compile(r"^ +(?:Program (\d+)|No Program)\b")
FORMAT = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
SIZE = re.compile(r", (\d+)x(\d+)[, \[]")
FLAG = re.compile(r"\(([a-z][a-z -]*)\)")
# Images beside a video that are no video themselves.
STILLS = frozenset(("attached pic", "timed thumbnails", "still image", "dependent"))
# Sound that goes with the main sound, or is for some listeners only.
SPECIAL = frozenset(("comment", "hearing impaired", "visual impaired", "descriptions", "karaoke"))


@dataclass(frozen=True)
class Track:
    """A video or audio stream of a file.

    Attributes:
        number: Of the stream, as ffmpeg counts them.
        kind: "Video" or "Audio".
        codec: ffmpeg's name, "none" where it does not know it.
        flags: What the file says of it, such as "default", as ffmpeg calls it.
        pixels: Of a frame; 0 for sound.
        program: Of a transport stream, to which it belongs; None elsewhere.

    """

    number: int
    kind: str
    codec: str
    flags: frozenset[str] = frozenset()
    pixels: int = 0
    program: int | None = None

    @property
    def is_default(self) -> bool:
        """Whether players choose it; in an mp4 the others are disabled."""
        return "default" in self.flags


@dataclass(frozen=True)
class Tracks:
    """The tracks that are read; None for what the file has not.

    disabled_sound: whether there is sound, but all of it is switched off in the file.
    """

    video: Track | None
    audio: Track | None
    disabled_sound: bool = False


def choose_tracks(log: str) -> Tracks:
    """Choose the tracks of a file as players do.

    Video: the default one, and of several the largest, so that previews are left out; cover art never.
    Sound: the default one of the same program; commentaries and the like only where there is nothing else.

    Args:
        log: What ffmpeg says of the file and of nothing else.

    """
    found = list(parse_tracks(log))
    video = _best(found, "Video", lambda track: (track.codec != "none", track.is_default, track.pixels))
    program = video.program if video else None
    audio = _best(found, "Audio", lambda track: (
        track.codec != "none", track.program == program, track.is_default, not track.flags & SPECIAL
    ))  # fmt: skip
    # Some programs write no flags at all.
    is_disabled = audio is not None and not audio.is_default and video is not None and video.is_default
    if is_disabled and "mov" in container_of(log).split(","):
        return Tracks(video, None, disabled_sound=True)
    return Tracks(video, audio)


def parse_tracks(log: str) -> Iterator[Track]:
    """Yield the video and audio tracks in a log of ffmpeg, but for cover art and thumbnails."""
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
    """Return the track of a kind of the highest rank, of equal ones the first."""
    return max((track for track in tracks if track.kind == kind), key=rank, default=None)
