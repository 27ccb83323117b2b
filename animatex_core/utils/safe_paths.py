"""File names from untrusted graphs and requests, which must stay inside a directory."""

import os
from pathlib import Path
from unicodedata import category

from ..errors import InvalidInput

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
