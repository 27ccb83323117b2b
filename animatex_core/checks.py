"""Checks of plain values where they come in."""

from numbers import Integral

from animatex_core.errors import InvalidInput


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Raise InvalidInput unless a value is a whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(f"{name} is {value!r}, but it must be a whole number: take {least} or more.")
