"""Names that come from strangers' graphs and requests, and must stay inside of one folder."""

import os
from pathlib import Path
from unicodedata import category

from ..errors import InvalidInput

MAX_NAME_LENGTH = 200  # bytes of each part of a name, so that a counter and an ending still fit
MAX_LENGTH = 2000  # characters of a whole name
MAX_SHOWN = 100  # characters of a name in messages
NOT_ON_WINDOWS = frozenset('<>"|?*')
PORTS = [f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)]
DEVICES = frozenset(("CON", "PRN", "AUX", "NUL", *PORTS))  # of Windows, also with an ending
TOO_LONG = f"has a part of more than {MAX_NAME_LENGTH} bytes"
UNWRITABLE = ("Cc", "Cs")  # control characters and halves of characters


def safe_join(folder: Path, name: str, role: str, *, follow_links: bool = False) -> Path:
    """Return the path that `name` has in `folder`, whether or not it exists.

    Both kinds of slash separate folders, on every system.

    Args:
        folder: An existing folder.
        name: A name in it, with or without folders.
        role: What messages call the folder.
        follow_links: Whether links in the folder may lead out of it.

    Raises:
        InvalidInput: The name is empty, absolute, has a drive, goes upwards, follows a link out of the folder
            that may not be followed, or cannot be a file's name.

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
    """Return why a name of these parts is refused, None where it is not."""
    faults = (
        (len(name) > MAX_LENGTH, f"is longer than {MAX_LENGTH} characters"),
        (not name.strip(), "is empty"),
        (":" in name, "holds a colon (:), which separates drives from names"),
        (not parts[0].strip(), "is absolute, as it begins with a slash"),
        (not parts[-1].strip(), "ends with a slash, after which a name is missing"),
        (
            any(not part.strip(" .") for part in parts),
            "leads elsewhere by '..' or an empty part",
        ),
        (any(category(each) in UNWRITABLE for each in name), "holds characters that no name has"),
        (any(len(part.encode("utf-8", "replace")) > MAX_NAME_LENGTH for part in parts), TOO_LONG),
        (os.name == "nt" and not all(map(_works_on_windows, parts)), "cannot be a name on Windows"),
    )
    return next((fault for is_wrong, fault in faults if is_wrong), None)


def _works_on_windows(part: str) -> bool:
    is_device = part.split(".")[0].strip().upper() in DEVICES
    return not is_device and part[-1] not in " ." and not set(part) & NOT_ON_WINDOWS


def _leads_into(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that form a loop
        return False


def _refusal(name: str, role: str, fault: str) -> InvalidInput:
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    return InvalidInput(f"The name {shown!r} {fault}: give the name of a file inside of {role}.")
