"""A frame as stored in a pose file, and the properties that enclosing objects give to all frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInput
from ...utils.validation import require_int, short_repr
from .units import Size

LABELS = (
    "frame_id",
    "frame_index",
    "frame_idx",
    "frame_number",
    "frameNumber",
    "frame",
    "image_id",
    "image_name",
    "file_name",
    "filename",
    "image",
)
SIZES = (("canvas_width", "canvas_height"), ("width", "height"), ("image_width", "image_height"))
SIZE_KEYS = ("canvas", "size", "resolution", "meta", "metadata", "info")  # an object, or width and height
RATES = ("fps", "frame_rate", "framerate")
HANDS_KEPT = "hands_as_meant"  # key of frames whose hands must not be swapped
MAX_SIDE = 1 << 15  # pixels of a canvas
MAX_LABEL = 300  # characters; longer strings are data or paths rather than names
MAX_RATE = 1000  # frames per second
Label = int | str
Sides = tuple[tuple[str, Any], tuple[str, Any]]


@dataclass(frozen=True)
class RawFrame:
    """A frame as stored in the file.

    Attributes:
        people: Usually a list of objects with the keys of `person.KEYS`; None if there is no such list.
        label: Number or name of the frame; None if the file has none.
        sides: Names and values of the keys for width and height; None if there are none.
        is_frame: False if it has no known format.
        is_whole: False for one person of a frame, whose others have the same label.
        keeps_hands: Whether the file marks left and right hand as correct.

    """

    people: Any
    label: Label | None = None
    sides: Sides | None = None
    is_frame: bool = True
    is_whole: bool = True
    keeps_hands: bool = False


@dataclass(frozen=True)
class Outer:
    """Properties that an object gives to all frames inside it."""

    sides: Sides | None = None
    names: Sequence[str] | None = None
    label: Label | None = None
    fps: float | None = None

    def within(self, data: Mapping) -> "Outer":
        """Return the properties inside a nested object, which override these."""
        return Outer(
            _sides(data) or self.sides, _names(data) or self.names, self.label, rate_of(data) or self.fps
        )


def rate_of(data: object) -> float | None:
    """Return the frame rate in the object around the frames, None if it has none."""
    found = [data.get(name) for name in RATES] if isinstance(data, Mapping) else []
    rates = [value for value in found if isinstance(value, int | float) and 0 < value < MAX_RATE]
    return float(rates[0]) if rates else None


def label_of(data: Mapping, names: Sequence[str] = LABELS) -> Label | None:
    """Return the number or name that a frame or person gives for the frame, None if it has none."""
    found = (data.get(name) for name in names)
    return next((value for value in found if isinstance(value, int) or _is_short(value)), None)


def _is_short(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_LABEL


def _sides(data: Mapping) -> Sides | None:
    for names in SIZES:
        first, second = (data.get(name) for name in names)
        if not is_blank(first) and not is_blank(second):
            return (names[0], first), (names[1], second)
    return next((found for name in SIZE_KEYS if (found := _sides_within(name, data.get(name)))), None)


def _sides_within(name: str, value: object) -> Sides | None:
    """Return the sides in an object or a pair that describes the images."""
    if isinstance(value, Mapping):
        return _sides({key: value.get(key) for names in SIZES for key in names})
    if isinstance(value, list) and len(value) == 2 and all(isinstance(side, int | float) for side in value):
        return (f"the first of {name}", value[0]), (f"the second of {name}", value[1])
    return None


def size_in_pixels(sides: Sides, where: str) -> Size:
    """Return (width, height) in pixels.

    Args:
        sides: As in `RawFrame`.
        where: Name of the frame in messages.

    Raises:
        InvalidInput: A side is not a valid number of pixels.

    """
    return _side(sides[0], where), _side(sides[1], where)


def _side(named: tuple[str, object], where: str) -> int:
    name, value = named
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and 0.5 <= value <= MAX_SIDE:  # the size of a scaled image
        value = round(value)
    require_int(f"{name} in {where}", value)
    if value > MAX_SIDE:  # type: ignore[operator]
        raise InvalidInput(
            f"{name} in {where} is {short_repr(value)}, but the maximum is {MAX_SIDE} pixels: correct it."
        )
    return int(value)  # type: ignore[call-overload]


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def is_blank(value: object) -> bool:
    """Return whether a value is empty; arrays from programs in the same process have no truth value."""
    return value is None or (isinstance(value, int | float | str) and not value)


def _names(data: Mapping) -> Sequence[str] | None:
    """Return the keypoint names in COCO's categories or MMPose's dataset description."""
    categories = data.get("categories")
    for category in categories if isinstance(categories, list) else []:
        if isinstance(category, Mapping) and isinstance(category.get("keypoints"), list):
            return [str(name) for name in category["keypoints"]]
    described = data.get("meta_info")
    names = described.get("keypoint_id2name") if isinstance(described, Mapping) else None
    return [str(name) for name in names.values()] if isinstance(names, Mapping) and names else None
