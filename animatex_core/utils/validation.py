"""Checks of plain values and paths that enter the library."""

import reprlib
import stat
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path

from ..errors import InvalidInput

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
        raise InvalidInput(f"The {role} {str(path)!r} does not exist: check the path.") from error
    except OSError as error:
        raise InvalidInput(
            f"The {role} {str(path)!r} cannot be opened ({error.strerror}): check path and permissions."
        ) from error
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"The {role} {str(path)!r} is a directory or device: give a file path.")
