"""Clips and other files of a folder."""

from collections.abc import Collection
from pathlib import Path

from ..errors import InvalidInput

CLIP_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif")


def find_clips(folder: Path) -> dict[str, Path]:
    """Return the clips in a folder and its subfolders by their names in it, sorted.

    Names have forward slashes on every system. Raises InvalidInput where there are none.
    """
    if not folder.is_dir():
        raise InvalidInput(f"The folder of clips {str(folder)!r} does not exist: check its name.")
    files = (path for path in folder.rglob("*") if path.suffix.lower() in CLIP_SUFFIXES and path.is_file())
    clips = {path.relative_to(folder).as_posix(): path for path in files}
    if not clips:
        raise InvalidInput(f"{folder} holds no clips: put videos there ({', '.join(CLIP_SUFFIXES)}).")
    return dict(sorted(clips.items()))


def files_by_name(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Return the files of a folder with one of these suffixes by their names without it, sorted.

    {} where there is no such folder. Raises InvalidInput for two files of one name.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() in suffixes and path.is_file():
            other = found.setdefault(path.stem, path)
            if other != path:
                raise InvalidInput(f"{other} and {path} are both of the case {path.stem!r}: leave one.")
    return found
