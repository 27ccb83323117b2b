"""Files that belong to cases by their names."""

from collections.abc import Collection
from pathlib import Path

from ...errors import InvalidInput

CLIP_SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".gif")


def files_by_name(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Return the files of a folder with one of these suffixes by their names without it.

    {} where there is no such folder. Raises InvalidInput for two files of one name.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in found:
            raise InvalidInput(f"{path} and {found[path.stem]} are both of the case {path.stem}: leave one.")
        found[path.stem] = path
    return found
