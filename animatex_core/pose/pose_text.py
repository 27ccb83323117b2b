"""Text of pose files: JSON in any Unicode encoding, JSON lines, and JSON within strings."""

import json
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..plain_files import FileFault, TooLarge, parse_json, read_bytes

MAX_FILE_BYTES = 128 << 20  # of one file; a frame with one person takes 3 to 8 kB
MAX_CONTAINERS = 3_000_000  # lists and objects in it
SPLIT = "split the clip into shorter ones"


def load_poses(file: Path) -> Any:
    """Return what a file of poses holds, a list of the lines' values for JSON lines.

    Raises:
        InvalidInput: The file cannot be read, is too large, or is neither JSON nor JSON lines.

    """
    try:
        return _parsed(_text(file))
    except OSError as error:
        raise InvalidInput(
            f"the poses {file} could not be read ({error.strerror}): check the name and that it may be read."
        ) from error
    except TooLarge as error:
        raise InvalidInput(f"the poses {file} are too large ({error}): {SPLIT}.") from error
    except FileFault as error:
        raise InvalidInput(
            f"the poses {file} are not JSON or were cut off ({error}): give a file of OpenPose keypoints."
        ) from error


def from_string(value: object) -> object:
    """Return what a string holds where it is JSON itself, else the value as it is."""
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
    """Whether a line is a frame of its own, unlike the first one of JSON that was written over many lines."""
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
