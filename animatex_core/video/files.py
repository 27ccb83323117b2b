"""Finding videos and images in a directory, ignoring what systems and programs put next to them."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InvalidInput, warn

# The suffixes of all containers in `containers.VIDEO_FORMATS` that are read from a single file.
VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif", ".webp", ".apng"),
    *(".3gp", ".3g2", ".qt", ".mj2", ".f4v", ".flv", ".wmv", ".asf", ".ogv", ".ogg", ".divx"),
    *(".mpg", ".mpeg", ".mpe", ".vob", ".m1v", ".m2v", ".ts", ".mts", ".m2ts", ".m2t", ".tod", ".mod"),
    *(".mxf", ".nut", ".dv", ".rm", ".rmvb", ".ivf", ".y4m", ".h264", ".264", ".avc", ".h265", ".265"),
    *(".hevc", ".obu", ".mjpeg", ".mjpg"),
)
# The suffixes of all formats in `image.FORMATS`.
READ_IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".dib"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".mpo"),
)
USUAL_SUFFIXES = ", ".join(VIDEO_SUFFIXES[:8])  # for messages
SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))
COMPANIONS = "companion file of macOS"
SYSTEM = "system file"
OTHERS = "not the name of a video"
BROKEN = "broken link"
STILLS = "still image"
UNREADABLE = "directory that cannot be opened"
VISITED = "link to a directory that is read already"
COMPANION_SUFFIXES = (
    ".json",
    ".txt",
    ".csv",
    ".jsonl",
    ".yaml",
    ".yml",
    ".md",
)  # poses, captions and lists of videos


@dataclass
class Listing:
    """The files of a directory, by relative name with forward slashes, and those left out, by reason."""

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def find_videos(folder: Path) -> dict[str, Path]:
    """Find the videos in a directory and its subdirectories.

    Links are followed, each directory once. An AnimateXWarning for each reason lists what is left out.

    Args:
        folder: The directory.

    Returns:
        Relative name, with forward slashes on every system -> path; sorted.

    Raises:
        InvalidInput: The directory does not exist or has no videos.

    """
    if not folder.is_dir():
        raise InvalidInput(f"The video directory {str(folder)!r} does not exist: check the path.")
    listing = Listing()
    for path in _walk(folder, listing):
        _sort_in(path, path.relative_to(folder).as_posix(), listing)
    report_left_out(folder, listing.left_out)
    if not listing.files:
        raise InvalidInput(
            f"{str(folder)!r} contains no videos: put videos there ({USUAL_SUFFIXES} and others)."
        )
    return dict(sorted(listing.files.items()))


def files_by_name(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Return the files of a directory with certain suffixes, by their names without suffix.

    Args:
        folder: The directory, which need not exist.
        suffixes: Lower-case suffixes.

    Returns:
        Name -> path; sorted.

    Raises:
        InvalidInput: Two files have the same name.

    """
    found: dict[str, Path] = {}
    for path in files_with(folder, suffixes):
        other = found.setdefault(path.stem, path)
        if other != path:
            raise InvalidInput(f"{other} and {path} have the same name {path.stem!r}: keep only one of them.")
    return found


def files_with(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files of a directory with certain suffixes, in any case, sorted by name.

    System files are left out. Returns [] if the directory does not exist.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for path in files
        if path.suffix.lower() in suffixes and not is_system_file(path.name) and path.is_file()
    ]


def is_system_file(name: str) -> bool:
    """Return whether macOS or Windows writes a file of this name next to those of the user."""
    return name.startswith(("._", ".DS_Store")) or name.lower() in SYSTEM_FILES


def report_left_out(folder: Path, left_out: Mapping[str, list[str]]) -> None:
    """Warn about the files of a directory that are left out, once for each reason."""
    for why, names in left_out.items():
        warn(f"Left out of {str(folder)!r}: {_some(names)} ({len(names)} in all, {why}).", stacklevel=3)


def _some(names: list[str], most: int = 3) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _walk(folder: Path, listing: Listing) -> Iterator[Path]:
    """Yield every file below a directory; each directory once, even if links lead to it."""
    resolved = folder.resolve()
    visited = {_identity(each) for each in (resolved, *resolved.parents)}  # a link upwards would lead back

    def note(error: OSError) -> None:
        listing.left_out[UNREADABLE].append(os.path.relpath(error.filename or folder, folder))

    for place, folders, files in os.walk(folder, onerror=note, followlinks=True):
        here = Path(place)
        # Real directories come before links to them, so that names do not depend on links.
        folders.sort(key=lambda name: ((here / name).is_symlink(), name))
        folders[:] = list(_not_visited(here, folders, folder, visited, listing))
        yield from (here / name for name in sorted(files))


def _not_visited(
    here: Path, names: Iterable[str], folder: Path, visited: set[tuple[int, int]], listing: Listing
) -> Iterator[str]:
    inside = _identities_below(here) if any((here / name).is_symlink() for name in names) else set()
    for name in names:
        path = here / name
        identity = _identity(path)
        if identity in visited or (path.is_symlink() and identity in inside):
            listing.left_out[VISITED].append(path.relative_to(folder).as_posix())
        else:
            visited.add(identity)
            yield name


def _identities_below(folder: Path) -> set[tuple[int, int]]:
    """Return the directories below one that are reached without links."""
    return {_identity(Path(place)) for place, _, _ in os.walk(folder)}


def _identity(folder: Path) -> tuple[int, int]:
    try:
        state = folder.stat()
    except OSError:
        return -1, hash(folder)
    return state.st_dev, state.st_ino


def _sort_in(path: Path, name: str, listing: Listing) -> None:
    """Add a file to the videos or to what is left out; poses and captions are neither."""
    why = _why_left_out(path)
    if why is None:
        listing.files[name] = path
    elif why:
        listing.left_out[why].append(name)


def _why_left_out(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if is_system_file(path.name):
        return COMPANIONS if path.name.startswith("._") else SYSTEM
    if not path.is_file():
        return BROKEN
    if suffix not in VIDEO_SUFFIXES:
        return "" if suffix in COMPANION_SUFFIXES else OTHERS
    return STILLS if suffix == ".webp" and not _is_animated(path) else None


def _is_animated(path: Path) -> bool:
    """Return whether a WebP file has several frames."""
    try:
        with path.open("rb") as file:
            head = file.read(21)
    except OSError:
        return True  # reading it reports what is wrong
    return head[12:16] == b"VP8X" and bool(head[20] & 2)
