"""The box of a person in ComfyUI's BOUNDING_BOX format."""

import math
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidInput
from ..utils.validation import short_repr
from .person import PersonBox

EXPECTED = "it must be a BOUNDING_BOX with x, y, width and height in pixels: give a box with a size above 0"


def read_person_box(data: object) -> PersonBox:
    """Return the first box of a BOUNDING_BOX value.

    Args:
        data: A box with x, y, width and height in pixels, a list of boxes, or a list of boxes per frame, as
            returned by ComfyUI's detectors, best first.

    Returns:
        The box to choose a person by.

    Raises:
        InvalidInput: There is no box, or it does not consist of four finite numbers.

    """
    found = _first(data)
    if found is None:
        raise InvalidInput("person_box contains no box: disconnect it, or check why nothing was detected.")
    x, y, width, height = (_number(found, name) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        raise InvalidInput(f"person_box is {width:g} x {height:g} pixels, but {EXPECTED}.")
    return PersonBox(x, y, x + width, y + height)


def _first(data: object) -> Mapping[str, Any] | None:
    if isinstance(data, Mapping):
        return data
    if not isinstance(data, list | tuple):
        raise InvalidInput(f"person_box is of type {type(data).__name__}, but {EXPECTED}.")
    return next((box for entry in data if (box := _of_frame(entry)) is not None), None)


def _of_frame(entry: object) -> Mapping[str, Any] | None:
    boxes = entry if isinstance(entry, list | tuple) else [entry]
    if not boxes:
        return None
    if not isinstance(boxes[0], Mapping):
        raise InvalidInput(f"person_box lists {type(boxes[0]).__name__}, but {EXPECTED}.")
    return boxes[0]


def _number(box: Mapping[str, Any], name: str) -> float:
    try:
        value = float(box[name])
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"person_box has {short_repr(box.get(name))} for {name}, but {EXPECTED}.")
    return value
