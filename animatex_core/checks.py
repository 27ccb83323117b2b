"""Checks of plain values where they come in."""

import stat
from numbers import Integral
from pathlib import Path

from .errors import InvalidInput


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Raise InvalidInput unless a value is a whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(f"{name} is {value!r}, but it must be a whole number: take {least} or more.")


def require_file(path: Path, role: str) -> None:
    """Raise InvalidInput unless a path names a file that is there; role: what it is to the user."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise InvalidInput(f"The {role} {str(path)!r} does not exist: check its name.") from error
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be opened ({error.strerror}): check its name and rights."
        ) from error
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"The {role} {str(path)!r} is a folder or device: name a file.")
