"""Folders of pose files: one file a frame, numbered as OpenPose does, of one clip."""

from fnmatch import fnmatch
from pathlib import Path

from ..errors import InvalidInput
from .frame_numbers import natural_order, require_one_clip, split_name

SUFFIX = ".json"


def pose_files_in(folder: Path) -> list[Path]:
    """Return the JSON files of a folder in the order of their numbers, without hidden ones.

    macOS writes a hidden file beside each on drives of other systems, `._NAME`.
    """
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() == SUFFIX and not path.name.startswith(".") and not path.is_dir()
    ]
    return sorted(files, key=lambda path: natural_order(path.name))


def files_of_clip(path: Path) -> list[Path]:
    """Return the files that a path means, one a frame, in their order.

    Args:
        path: A file; a folder; or, of a folder with several clips, the beginning of one's names or a
            pattern: `folder/dance` or `folder/dance_*.json`.

    Returns:
        The files, only `path` itself where it is none of the others.

    Raises:
        InvalidInput: The folder has no such files, or those of several clips.

    """
    if path.is_dir():
        files = pose_files_in(path)
        if not files:
            raise InvalidInput(
                f"the folder {path} holds no .json files: give OpenPose's output, one file a frame."
            )
        return _of_one_clip(files, path)
    if path.exists() or not path.parent.is_dir():
        return [path]
    if any(sign in path.name for sign in "*?["):
        files = [each for each in pose_files_in(path.parent) if fnmatch(each.name, path.name)]
        return _of_one_clip(files, path) if files else [path]
    chosen = path.name.rstrip("_-. ")
    return [each for each in pose_files_in(path.parent) if _is_of(each, chosen)] or [path]


def _is_of(file: Path, prefix: str) -> bool:
    name = split_name(file.name)
    return name.number is not None and name.prefix == prefix


def _of_one_clip(files: list[Path], path: Path) -> list[Path]:
    numbered = [file for file in files if split_name(file.name).number is not None]
    if len(files) > 1 and numbered:
        folder = path if path.is_dir() else path.parent
        require_one_clip(
            [split_name(file.name) for file in numbered],
            str(path),
            lambda prefix: f"name one, such as {folder / (prefix or '0*.json')}",
        )
    return files
