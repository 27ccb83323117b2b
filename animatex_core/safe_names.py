"""Names that come from strangers' graphs and requests, and must stay inside of one folder."""

from pathlib import Path
from unicodedata import category

from .errors import InvalidInput

LONGEST = 200  # bytes of each part of a name, so that a counter and an ending still fit
MAX_LENGTH = 2000  # characters of a whole name
MAX_SHOWN = 100  # characters of a name in messages
UNWRITABLE = ("Cc", "Cs")  # control characters and halves of characters


def path_inside(folder: Path, name: str, role: str) -> Path:
    """Return the path that `name` has in `folder`, whether or not it is there.

    Both kinds of slash part folders, on every system. role: the folder's name in messages.
    Raises InvalidInput for a name that is empty, absolute, has a drive, goes upwards, follows a link out of
    the folder, or cannot be a file's name.
    """
    if len(name) > MAX_LENGTH:
        raise _refusal(name, role, f"is longer than {MAX_LENGTH} characters")
    parts = name.replace("\\", "/").split("/")
    if not name.strip() or any(not part.strip(" .") for part in parts) or ":" in name:
        raise _refusal(name, role, "is empty, absolute or leads elsewhere")
    if any(category(character) in UNWRITABLE for character in name):
        raise _refusal(name, role, "holds characters that no name has")
    if any(len(part.encode()) > LONGEST for part in parts):
        raise _refusal(f"{name[:20]}...", role, f"is longer than {LONGEST} bytes")
    path = folder.joinpath(*parts)
    if not _leads_into(folder, path):
        raise _refusal(name, role, "follows a link to another place")
    return path


def _leads_into(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that form a loop
        return False


def _refusal(name: str, role: str, fault: str) -> InvalidInput:
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}..."
    return InvalidInput(f"The name {shown!r} {fault}: give the name of a file inside of {role}.")
