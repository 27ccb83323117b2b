"""Checks of the values in a configuration, which may come from any file."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..errors import InvalidInput
from ..utils.validation import MAX_SIZE, require_int, short_repr


def check_fields(config: Any, limits: Mapping[str, int]) -> None:
    """Check the whole numbers, booleans and dropout of a dataclass.

    Args:
        config: The dataclass instance.
        limits: Maximum of whole-number fields by name; the others have `MAX_SIZE`.

    Raises:
        InvalidInput: A value has another type or is out of range.

    """
    for entry in fields(config):
        value = getattr(config, entry.name)
        if entry.type is int:
            require_int(entry.name, value, most=limits.get(entry.name, MAX_SIZE))
        if entry.type is bool and not isinstance(value, bool):
            raise InvalidInput(f"{entry.name} is {short_repr(value)}: it must be true or false.")
        if entry.name == "dropout" and not 0 <= value < 1:
            raise InvalidInput(f"dropout is {short_repr(value)}: choose 0 or more and less than 1.")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise InvalidInput unless a value is one of the choices."""
    if value not in choices:
        raise InvalidInput(
            f"{name} is {short_repr(value)}, but it must be one of {', '.join(choices)}: choose one of them."
        )
