"""Checks of plain values where they enter."""

import reprlib
import stat
from numbers import Integral
from pathlib import Path

from ..errors import InvalidInput

MAX_SIZE = 1 << 16  # of a network whose sizes a file tells: far beyond any, and it can be built


def require_int(name: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Raise InvalidInput unless a value is a whole number of at least `least`; most: the largest, if any."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(f"{name} is {shown(value)}, but it must be a whole number: take {least} or more.")
    if most is not None and int(value) > most:
        raise InvalidInput(f"{name} is {shown(value)}, but {most} is the most: take {most} or less.")


def may_block(path: Path) -> bool:
    """Whether a path names a pipe or device, whose reading may wait or go on for ever."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # opening it says what is wrong
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def shown(value: object) -> str:
    """Return the representation of a value in a sentence, of about a hundred characters at most."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    short.maxlevel = 3
    try:
        return short.repr(value)
    except (ValueError, RecursionError):  # numbers of more than 4,300 digits are not printed
        return f"a very large {type(value).__name__}"


def require_file(path: Path, role: str) -> None:
    """Raise InvalidInput unless a path names a file that is there; role: what it is to the user."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, ValueError) as error:  # ValueError: the name has a zero byte
        raise InvalidInput(f"The {role} {str(path)!r} does not exist: check its name.") from error
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be opened ({error.strerror}): check its name and rights."
        ) from error
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"The {role} {str(path)!r} is a folder or device: name a file.")
