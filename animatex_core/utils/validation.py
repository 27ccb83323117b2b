"""Checks of plain values, options and file names that enter the library."""

import argparse
import math
import os
import re
import reprlib
import stat
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from unicodedata import category

from ..errors import InvalidInput

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # as a path, which has lost a slash
MAX_SIZE = 1 << 16  # of a model dimension that a file declares: far beyond any real one, yet still buildable


def require_int(name: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Check a whole number.

    Args:
        name: What messages call the value.
        value: The value; any integer type except bool.
        least: The smallest valid value.
        most: The largest valid value; None if there is no limit.

    Raises:
        InvalidInput: The value is not a whole number, or is out of range.

    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(
            f"{name} is {short_repr(value)}, but it must be a whole number: use {least} or more."
        )
    if most is not None and int(value) > most:
        raise InvalidInput(f"{name} is {short_repr(value)}, but the maximum is {most}: use {most} or less.")


def is_number(value: object) -> bool:
    """Return whether a value is a finite real number; bool is none."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the largest float
        return False


def require_int_fields(owner: object, names: Iterable[str], least: int = 1, most: int | None = None) -> None:
    """Check whole-number attributes of an object, such as fields of a dataclass.

    Args:
        owner: The object.
        names: Its attributes; messages name them.
        least: As for `require_int`.
        most: As for `require_int`.

    Raises:
        InvalidInput: One of them is not a whole number, or is out of range.

    """
    for name in names:
        require_int(name, getattr(owner, name), least, most)


def may_block(path: Path) -> bool:
    """Return whether a path is a pipe or device, whose reading may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # opening it reports what is wrong
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def short_repr(value: object) -> str:
    """Return the representation of a value for a message, at most about a hundred characters."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    short.maxlevel = 3
    try:
        return short.repr(value)
    except (ValueError, RecursionError):  # numbers of more than 4,300 digits cannot be printed
        return f"a very large {type(value).__name__}"


def require_file(path: Path, role: str) -> None:
    """Raise InvalidInput unless a path is an existing regular file; role: what messages call it."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, ValueError) as error:  # ValueError: the name contains a zero byte
        if URL.match(path.as_posix()):
            raise InvalidInput(
                f"The {role} is a URL: give the path of a file, since only inputs in job lists of `batch` "
                "may be URLs."
            ) from error
        raise InvalidInput(f"The {role} {str(path)!r} does not exist: check the path.") from error
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be opened ({error.strerror}): check path and permissions."
        ) from error
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"The {role} {str(path)!r} is a directory or device: give a file path.")


def parse_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT in pixels.

    Args:
        text: The value of the option, such as "512x768".

    Returns:
        Width and height in pixels.

    Raises:
        argparse.ArgumentTypeError: The text is not two whole numbers separated by an x.

    """
    match text.lower().split("x"):
        case [width, height] if width.isdecimal() and height.isdecimal():
            return int(width), int(height)
    raise argparse.ArgumentTypeError(
        f"{text!r} was given, but it must be WxH in pixels: give a size such as 512x768."
    )


MAX_NAME_LENGTH = 200  # bytes of each part of a name, so that a counter and a suffix still fit
MAX_LENGTH = 2000  # characters of a whole name
MAX_SHOWN = 100  # characters of a name in messages
NOT_ON_WINDOWS = frozenset('<>"|?*')
PORTS = [f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)]
DEVICES = frozenset(("CON", "PRN", "AUX", "NUL", *PORTS))  # reserved on Windows, with any suffix
TOO_LONG = f"has a part of more than {MAX_NAME_LENGTH} bytes"
UNWRITABLE = ("Cc", "Cs")  # control characters and surrogates


def safe_join(folder: Path, name: str, role: str, *, follow_links: bool = False) -> Path:
    """Return the path of `name` in `folder`, whether or not it exists.

    Both slashes and backslashes separate directories, on every system.

    Args:
        folder: An existing directory.
        name: A name inside it, with or without subdirectories.
        role: What messages call the directory.
        follow_links: Whether symbolic links may lead out of it.

    Returns:
        The path.

    Raises:
        InvalidInput: The name is empty or absolute, has a drive, leads upwards, follows a link out of the
            directory that must not be followed, or is not a valid file name.

    """
    parts = name.replace("\\", "/").split("/")
    fault = _fault(name, parts)
    if fault is not None:
        raise _refusal(name, role, fault)
    path = folder.joinpath(*parts)
    if not follow_links and not _leads_into(folder, path):
        raise _refusal(name, role, "follows a link to another place")
    return path


def _fault(name: str, parts: list[str]) -> str | None:
    """Return why a name is refused, None if it is valid."""
    faults = (
        (len(name) > MAX_LENGTH, f"is longer than {MAX_LENGTH} characters"),
        (not name.strip(), "is empty"),
        (":" in name, "contains a colon (:), which separates drives from names"),
        (not parts[0].strip(), "is absolute because it starts with a slash"),
        (not parts[-1].strip(), "ends with a slash and so has no file name"),
        (any(not part.strip(" .") for part in parts), "leads elsewhere through '..' or an empty part"),
        (
            any(category(each) in UNWRITABLE for each in name),
            "contains characters that no file name can have",
        ),
        (any(len(part.encode("utf-8", "replace")) > MAX_NAME_LENGTH for part in parts), TOO_LONG),
        (os.name == "nt" and not all(map(_works_on_windows, parts)), "is not a valid name on Windows"),
    )
    return next((fault for is_wrong, fault in faults if is_wrong), None)


def _works_on_windows(part: str) -> bool:
    is_device = part.split(".")[0].strip().upper() in DEVICES
    return not is_device and part[-1] not in " ." and not set(part) & NOT_ON_WINDOWS


def _leads_into(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # symbolic links that form a loop
        return False


def _refusal(name: str, role: str, fault: str) -> InvalidInput:
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    return InvalidInput(f"The name {shown!r} {fault}: give the name of a file inside {role}.")
