"""Pose files as text: JSON in any Unicode encoding, JSON lines, and folders with one file per frame."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...utils.documents import FileFault, TooLarge, parse_json, read_bytes
from .frame_numbers import natural_order, require_one_video, split_name, split_names

MAX_FILE_BYTES = 128 << 20  # a frame with one person takes 3 to 8 kB
MAX_CONTAINERS = 3_000_000  # lists and objects in a file
SUFFIX = ".json"
SPLIT = "split the video into shorter ones"


def load_poses(file: Path) -> Any:
    """Parse a pose file.

    Args:
        file: JSON, or JSON lines.

    Returns:
        The parsed value, a list with the values of all lines for JSON lines.

    Raises:
        InvalidInput: The file cannot be read, is too large, or is neither JSON nor JSON lines.

    """
    try:
        return _parsed(_text(file))
    except OSError as error:
        raise InvalidInput(
            f"the poses {file} cannot be read ({error.strerror}): check the path and its permissions."
        ) from error
    except TooLarge as error:
        raise InvalidInput(f"the poses {file} are too large ({error}): {SPLIT}.") from error
    except FileFault as error:
        raise InvalidInput(
            f"the poses {file} are not JSON or are truncated ({error}): give a file of OpenPose keypoints."
        ) from error


def from_string(value: object) -> object:
    """Parse a string if it is JSON, else return the value unchanged."""
    if not isinstance(value, str) or not value.lstrip("\ufeff \t\r\n").startswith(("[", "{")):
        return value
    try:
        return _parsed(value)
    except FileFault:
        return value


def _text(file: Path) -> str:
    data = read_bytes(file, MAX_FILE_BYTES)
    encoding = json.detect_encoding(data)  # UTF-8, UTF-16 or UTF-32, with or without a byte order mark
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise FileFault(f"it is not {encoding.upper()} (byte {error.start})") from error


def _parsed(text: str) -> Any:
    try:
        return parse_json(text.removeprefix("\ufeff"), MAX_CONTAINERS)
    except TooLarge:
        raise
    except FileFault:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not _is_object(lines[0]):
            raise
    return [_line(number, line) for number, line in enumerate(lines, start=1)]


def _is_object(line: str) -> bool:
    """Return whether a line is a frame of its own, unlike the first line of JSON that spans many lines."""
    try:
        return isinstance(parse_json(line, MAX_CONTAINERS), dict | list)
    except FileFault:
        return False


def _line(number: int, line: str) -> Any:
    try:
        return parse_json(line, MAX_CONTAINERS)
    except TooLarge:
        raise
    except FileFault as error:
        raise FileFault(f"line {number}: {error}") from error


def pose_files_in(folder: Path) -> list[Path]:
    """Return the JSON files in a folder, ordered by their numbers, without hidden ones.

    On drives of other systems, macOS writes a hidden file `._NAME` next to each file.
    """
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() == SUFFIX and not path.name.startswith(".") and not path.is_dir()
    ]
    return sorted(files, key=lambda path: natural_order(path.name))


def find_pose_files(path: Path) -> list[Path]:
    """Return the files that a path refers to, one per frame, in order.

    Args:
        path: A file; a folder; or, in a folder with several videos, the prefix of one or a pattern:
            `folder/dance` or `folder/dance_*.json`.

    Returns:
        The files; `path` itself if nothing matches.

    Raises:
        InvalidInput: The folder contains no such files, or those of several videos.

    """
    if path.is_dir():
        files = pose_files_in(path)
        if not files:
            raise InvalidInput(
                f"the folder {path} contains no .json files: give OpenPose's output, one file per frame."
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
    names = split_names([file.name for file in files])
    numbered = [name for name in names if name.number is not None]
    if len(files) > 1 and numbered:
        folder = path if path.is_dir() else path.parent
        require_one_video(
            numbered,
            str(path),
            lambda prefix: f"name one, such as {folder / (prefix or '0*.json')}",
        )
    return files
