"""Checks of the values in a configuration, which may come from any file."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..errors import InvalidInput
from ..utils.validation import MAX_SIZE, require_int, short_repr

MAX_LEVELS = 8


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


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise InvalidInput unless a value is one of the choices."""
    if value not in choices:
        allowed = ", ".join(map(str, choices))
        raise InvalidInput(
            f"{name} is {short_repr(value)}, but it must be one of {allowed}: choose one of them."
        )


def check_levels(multipliers: Sequence[int], attention_levels: Sequence[int], channels: int) -> None:
    """Raise InvalidInput unless the levels of a UNet are few, and their widths and indices in range."""
    if max(len(multipliers), len(attention_levels)) > MAX_LEVELS:
        raise InvalidInput(f"There are too many multipliers or levels: use {MAX_LEVELS} levels or fewer.")
    for multiplier in multipliers or (None,):
        require_int("each of multipliers", multiplier)
        require_int("a level's width", channels * int(multiplier or 1), most=MAX_SIZE)
    for level in attention_levels:
        require_int("each of attention_levels and temporal_levels", level, least=0, most=MAX_LEVELS)
