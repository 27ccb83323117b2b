"""Read edits from JSON, the text that the pose editor stores.

    {"version": 1, "frames": 48,
     "keys": [{"frame": 12, "falloff": 4, "offsets": {"right_wrist": [0.1, -0.05]}, "places": {}}],
     "show": [], "swap": [], "ignore": [], "hide": [{"from": 0, "to": 9, "joints": ["left_hand"]}],
     "fill": [{"from": 20, "to": 25, "joints": ["all"], "replace": true}],
     "person": 1, "others": [{"person": 0, "keys": [...]}]}

Every field but `version` may be missing. `joints` are names of points or groups, all points if missing.
`person` is the person whom the edits correct, and `others` holds the edits of other people.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ...errors import InvalidInput
from ...utils.documents import FileFault, document_errors, parse_json
from ..people import MAX_PEOPLE
from .joints import GROUPS, POINT_INDEX
from .state import FrameRange, KeyPose, Place, PoseEdits

VERSION = 1
MAX_TEXT = 16 << 20  # characters
MAX_FRAME = 1_000_000  # also of a falloff
MAX_PLACE = 10.0  # fractions of the image
RANGES = {"show": "shown", "swap": "swapped", "ignore": "ignored", "fill": "filled", "hide": "hidden"}
FAULT = "The edits of the poses cannot be used"
REMEDY = "correct the text, or clear it to start again"


def read_edits(text: str) -> PoseEdits:
    """Read edits from the text of the pose editor.

    Args:
        text: JSON; empty if nothing is edited.

    Raises:
        InvalidInput: The text is not JSON, too large, of a newer version, or has unknown fields, unknown
            joints or impossible numbers.

    """
    if not text.strip():
        return PoseEdits()
    with document_errors(FAULT, REMEDY):
        if len(text) > MAX_TEXT:
            raise FileFault(f"they have more than {MAX_TEXT:,} characters")
        content = _object(parse_json(text), "the text")
    _refuse_newer(content.get("version"))
    with document_errors(FAULT, REMEDY):
        return _with_others(content)


def _refuse_newer(version: Any) -> None:
    if isinstance(version, int) and version > VERSION:
        raise InvalidInput(
            f"The edits of the poses are of version {_short(version)}, but this Animate-X reads version "
            f"{VERSION}: update it."
        )


def _with_others(content: Mapping[str, Any]) -> PoseEdits:
    if content.get("version") != VERSION or isinstance(content["version"], bool):
        raise FileFault(f"version is {_short(content.get('version'))} and must be {VERSION}")
    own = {name: value for name, value in content.items() if name not in ("version", "others")}
    edits, found = _edits(own, "the text"), _list(content, "others")
    if found and edits.person is None:
        raise FileFault("others need the person of the other edits")
    others: dict[int, PoseEdits] = {}
    for number, each in enumerate(found):
        other = _edits(each, f"others {number}")
        if other.person is None or other.person in (edits.person, *others):
            raise FileFault(f"others {number} must have a person of their own")
        others[other.person] = replace(other, person=None)
    return replace(edits, others=others)


def _edits(content: Any, what: str) -> PoseEdits:
    _require_known(_object(content, what), {"person", "frames", "keys", *RANGES}, what)
    person = content.get("person")
    if person is not None:
        person = _whole(person, f"person of {what}", most=MAX_PEOPLE - 1)
    frames = None if content.get("frames") is None else _whole(content["frames"], "frames", least=1)
    keys = [_key(each, f"key pose {number}") for number, each in enumerate(_list(content, "keys"))]
    keys.sort(key=lambda key: key.frame)
    for key, after in pairwise(keys):
        if key.frame == after.frame:
            raise FileFault(f"frame {key.frame} has two key poses")
    ranges: dict[str, Any] = {
        name: tuple(
            _range(each, f"{field} {number}", field) for number, each in enumerate(_list(content, field))
        )
        for field, name in RANGES.items()
    }
    return PoseEdits(frames=frames, keys=tuple(keys), person=person, **ranges)


def _key(content: Any, what: str) -> KeyPose:
    _require_known(_object(content, what), {"frame", "falloff", "offsets", "places"}, what)
    return KeyPose(
        frame=_whole(content.get("frame"), f"frame of {what}"),
        falloff=_whole(content.get("falloff", 0), f"falloff of {what}"),
        offsets=_places(content.get("offsets", {}), f"offsets of {what}"),
        places=_places(content.get("places", {}), f"places of {what}"),
    )


def _places(content: Any, what: str) -> dict[int, Place]:
    return {_point(name, what): _place(value, what) for name, value in _object(content, what).items()}


def _place(value: Any, what: str) -> Place:
    if not isinstance(value, list) or len(value) != 2:
        raise FileFault(f"{what} must be pairs of x and y")
    x, y = (_number(each, what) for each in value)
    return x, y


def _range(content: Any, what: str, field: str) -> FrameRange:
    known = {"from", "to", "joints", *(("replace",) if field == "fill" else ())}
    _require_known(_object(content, what), known, what)
    first = _whole(content.get("from"), f"from of {what}")
    last = _whole(content.get("to"), f"to of {what}", least=first)
    replaces = content.get("replace", False)
    if not isinstance(replaces, bool):
        raise FileFault(f"replace of {what} must be true or false")
    return FrameRange(first, last, _points(content.get("joints", ["all"]), what), replaces)


def _points(names: Any, what: str) -> tuple[int, ...]:
    if not isinstance(names, list):
        raise FileFault(f"joints of {what} must be a list of names")
    groups = (GROUPS[name] if _is_in(name, GROUPS) else (_point(name, what),) for name in names)
    return tuple(sorted({point for group in groups for point in group}))


def _point(name: Any, what: str) -> int:
    if not _is_in(name, POINT_INDEX):
        raise FileFault(f"{what} has the unknown joint {_short(name)}")
    return POINT_INDEX[name]


def _is_in(name: Any, names: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in names


def _whole(value: Any, what: str, least: int = 0, most: int = MAX_FRAME) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise FileFault(f"{what} is {_short(value)} and must be a whole number from {least} to {most}")
    return value


def _number(value: Any, what: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= MAX_PLACE:  # false for NaN
        raise FileFault(
            f"{what} contain {_short(value)} and must be fractions of the image, {-MAX_PLACE:g} "
            f"to {MAX_PLACE:g}"
        )
    return float(value)


def _list(content: Mapping[str, Any], field: str) -> list[Any]:
    value = content.get(field, [])
    if not isinstance(value, list):
        raise FileFault(f"{field} must be a list")
    return value


def _object(content: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise FileFault(f"{what} must be an object")
    return content


def _require_known(content: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = next((name for name in content if name not in known), None)
    if unknown is not None:
        raise FileFault(f"{what} has the unknown field {_short(unknown)}")


def _short(value: Any) -> str:
    """Describe an untrusted value in a few characters."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number with too many digits"
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
