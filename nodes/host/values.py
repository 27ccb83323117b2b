"""The values that a node works on, checked against its schema.

ComfyUI checks only what the graph itself holds, and its versions check different things. What another node
gives is of any type and any value. So every node checks all of it before it begins.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any

import numpy as np
from comfy_api.latest import io

from ...animatex_core.errors import InvalidInput
from .printable import printable_error, quoted
from .sockets import check_socket

Execute = Callable[..., io.NodeOutput]
MAX_WRITTEN = 1e18
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class OpenCombo(io.Combo.Input):
    """A combo whose node checks the choice itself, for instance the name of a file that may be gone."""


def checked(execute: Execute) -> Execute:
    """Decorate `execute` of a node: check and convert its arguments by the node's schema before it runs.

    Raises InvalidInput for a value that cannot be meant. Errors of every class are printable in any log.
    """

    @wraps(execute)
    def run(cls: type[io.ComfyNode], *args: Any, **kwargs: Any) -> io.NodeOutput:
        _, *names = signature(execute).parameters
        given = dict(zip(names, args, strict=False)) | kwargs
        try:
            return execute(cls, **check_values(cls.define_schema().inputs, given))
        except Exception as error:
            failure = printable_error(error)
            if failure is error:
                raise
        raise failure

    return run


def check_values(inputs: Iterable[io.Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values given for inputs as what these inputs take; an optional one may be None or missing.

    Raises InvalidInput, which names the input, what came and what is expected.
    """
    checked_inputs = {each.id: _value(each, given[each.id]) for each in inputs if each.id in given}
    return {**given, **checked_inputs}


def _value(target: io.Input, value: Any) -> Any:
    if value is None and target.optional:
        return getattr(target, "default", None)
    for kind, convert in CONVERSIONS.items():
        if isinstance(target, kind):
            return convert(target, value)
    check_socket(target, value)
    return value


def _text(target: io.Input, value: Any) -> str:
    text = as_text(value)
    if text is None:
        raise _refusal(target, value, "text")
    return text


def _boolean(target: io.Input, value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in TRUE or word in FALSE:
        return word in TRUE
    if isinstance(value, bool | np.bool_) or _number(value) in (0, 1):
        return bool(value)
    raise _refusal(target, value, "true or false")


def _choice(target: Any, value: Any) -> str:
    choice = as_text(value)
    if choice is None or choice not in target.options:
        raise _refusal(target, value, f"one of: {', '.join(target.options)}")
    return choice


def _whole(target: Any, value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number):
        raise _refusal(target, value, f"a whole number{_range(target)}")
    return int(_in_range(target, number))


def _real(target: Any, value: Any) -> float:
    number = _number(value)
    if number is None:
        raise _refusal(target, value, f"a number{_range(target)}")
    return float(_in_range(target, number))


CONVERSIONS: dict[type[io.Input], Callable[[Any, Any], Any]] = {
    OpenCombo: _text,
    io.Combo.Input: _choice,
    io.String.Input: _text,
    io.Boolean.Input: _boolean,
    io.Int.Input: _whole,
    io.Float.Input: _real,
}


def as_text(value: Any) -> str | None:
    """Return text, or a number as people write it: 1.0 as 1; None for what is neither."""
    if isinstance(value, str | PurePath):
        return str(value)
    number = _number(value)
    if number is None or abs(number) >= MAX_WRITTEN:
        return None
    return str(int(number) if number == int(number) else number)


def _number(value: Any) -> int | float | None:
    """Return the finite number that a value is or says, whole numbers exactly; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, str | Real):
        return None
    plain: Any = value
    if isinstance(value, str | Integral):
        with suppress(ValueError):
            return int(plain)
    with suppress(ValueError, OverflowError):
        return number if math.isfinite(number := float(plain)) else None
    return None


def _in_range(target: Any, number: int | float) -> int | float:
    if (target.min is not None and number < target.min) or (target.max is not None and number > target.max):
        raise _refusal(target, number, f"a number{_range(target)}")
    return number


def _range(target: Any) -> str:
    ends = [(word, end) for word, end in (("from", target.min), ("to", target.max)) if end is not None]
    return "".join(f" {word} {end:.15g}" for word, end in ends)


def _refusal(target: io.Input, value: object, expected: str) -> InvalidInput:
    return InvalidInput(f"{target.id} is {quoted(value)}, but it must be {expected}.")
