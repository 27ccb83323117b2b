"""Reads plain values, as from YAML, into frozen dataclasses. Unknown names and other types are refused."""

import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ...errors import InvalidInput
from ...utils.validation import short_repr

T = TypeVar("T")


def read_dataclass(kind: type[T], values: object, where: str = "") -> T:
    """Build a dataclass from a mapping, with nested dataclasses and tuples.

    Args:
        kind: The dataclass.
        values: The mapping.
        where: Path of the mapping within its file, for messages.

    Returns:
        The dataclass.

    Raises:
        InvalidInput: If an entry is unknown, missing or of the wrong type; the message names it.

    """
    if not isinstance(values, Mapping):
        name = where or "The configuration"
        raise InvalidInput(f"{name} is {short_repr(values)}: give a mapping of settings.")
    known = [entry for entry in fields(cast(Any, kind)) if entry.init]
    check_names(values, (entry.name for entry in known), where)
    for entry in known:
        if entry.default is MISSING and entry.default_factory is MISSING and entry.name not in values:
            raise InvalidInput(f"{_path(where, entry.name)} is not given: add it to the configuration.")
    hints = get_type_hints(kind)
    return kind(**{name: _read(hints[name], value, _path(where, name)) for name, value in values.items()})


def check_names(values: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Check the names in a mapping.

    Args:
        values: The mapping.
        known: Allowed names.
        where: Path of the mapping in the configuration, for the message.

    Raises:
        InvalidInput: A name is unknown.

    """
    names = list(known)
    for name in values:
        if name not in names:
            raise InvalidInput(f"{_path(where, name)} is unknown: choose from {', '.join(names)}.")


def override_entries(start: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Override entries of a nested mapping.

    Args:
        start: The entries.
        changes: Entries to override, nested likewise.
        where: Path of the mapping in the configuration, for messages.

    Returns:
        All entries with the changes.

    Raises:
        InvalidInput: If a changed entry does not exist.

    """
    check_names(changes, start, where)
    return {
        name: override_entries(value, changes[name], f"{where}.{name}")
        if isinstance(value, Mapping) and isinstance(changes.get(name), Mapping)
        else changes.get(name, value)
        for name, value in start.items()
    }


def _read(kind: Any, value: object, where: str) -> object:
    origin, choices = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in choices:
            return None
        return _read(next(choice for choice in choices if choice is not type(None)), value, where)
    if origin is Literal:
        if value not in choices:
            raise InvalidInput(
                f"{where} is {short_repr(value)}: choose one of {', '.join(map(str, choices))}."
            )
        return value
    if origin is tuple:
        return _read_tuple(choices, value, where)
    if is_dataclass(kind):
        return (
            value if isinstance(value, cast(type, kind)) else read_dataclass(cast(type, kind), value, where)
        )
    return _read_plain(kind, value, where)


def _read_tuple(kinds: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    count = None if kinds[-1] is Ellipsis else len(kinds)
    if not isinstance(value, list | tuple) or (count is not None and len(value) != count):
        raise InvalidInput(f"{where} is {short_repr(value)}: give a list{f' of {count}' if count else ''}.")
    each = kinds if count else (kinds[0],) * len(value)
    return tuple(
        _read(kind, entry, f"{where}[{index}]")
        for index, (kind, entry) in enumerate(zip(each, value, strict=True))
    )


def _read_plain(kind: Any, value: object, where: str) -> object:
    if kind is Any or get_origin(kind) is dict:
        return value
    if kind is float and (number := _number(value)) is not None:
        return number
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidInput(f"{where} is {short_repr(value)}: give {_WORDS[kind]}.")
    return value


def _number(value: object) -> float | None:
    """Also accept text: YAML reads 5e-5, which has no decimal point, as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _path(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
