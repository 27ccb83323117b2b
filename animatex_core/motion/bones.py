"""Which bone of a skeleton begins at which joint: by known names, or as the user maps them."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from ..errors import InvalidInput
from ..utils.documents import document_errors, parse_yaml, read_text
from ..utils.text import shorten_key
from .bone_names import CONVENTIONS, JOINTS, REQUIRED, SIDES, UNSIDED, Side, Table, split_bone_name
from .skeleton import Skeleton

OwnBones = Mapping[str, str | None]
"""A user's mapping of joints to bones; None for a joint that the body does not have."""

Bones = dict[str, int]
"""Joints, of `JOINTS`, and the indices of the bones that begin at them."""

TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
MAX_LISTED = 12  # names in a message
MAX_TEXT = 1 << 20
HOW = (
    "map each to a bone in a YAML or JSON file for --bones, or in bones of Load Motion, such as "
    "'right_elbow: NAME', and map to null what the body does not have"
)


def read_bones(path: str | Path) -> OwnBones:
    """Read a user's mapping, YAML or JSON; raises InvalidInput."""
    with document_errors(
        f"The bones {path} cannot be read", "give YAML or JSON such as {right_elbow: RightForeArm}"
    ):
        return parse_bones(read_text(Path(path), MAX_TEXT))


def parse_bones(text: str) -> OwnBones:
    """Parse a user's mapping of joints to names of bones, as YAML or JSON.

    Args:
        text: Such as "right_elbow: RightForeArm"; null for what the body does not have; empty for none.

    Raises:
        InvalidInput: It is no mapping of names, or a joint is unknown.

    """
    with document_errors("The bones cannot be read", "write lines such as 'right_elbow: RightForeArm'"):
        data = parse_yaml(text)
    if data is None:
        return {}
    if not isinstance(data, dict) or not all(_is_entry(key, value) for key, value in data.items()):
        raise InvalidInput(
            "The bones must map names of joints to names of bones or null: write lines such as 'right_elbow: "
            "RightForeArm'."
        )
    for joint in data:
        _require_joint(joint)
    _require_trunk(data)
    return {joint: None if bone is None else str(bone) for joint, bone in data.items()}


def _require_trunk(bones: Mapping[str, object]) -> None:
    for joint in TRUNK:
        if joint in bones and bones[joint] is None:
            raise InvalidInput(
                f"The bones map {joint} to null, but every body needs one: map it to the nearest bone."
            )


def _is_entry(key: object, value: object) -> bool:
    return isinstance(key, str) and (value is None or isinstance(value, str | int))


def _require_joint(joint: str) -> None:
    if joint not in JOINTS:
        near = get_close_matches(joint, JOINTS, n=1)
        hint = f"write {near[0]}" if near else f"use {', '.join(REQUIRED[:4])} and so on"
        raise InvalidInput(f"The bones name the joint {shorten_key(joint)!r}, which is unknown: {hint}.")


def find_bones(skeleton: Skeleton, own: OwnBones | None = None, source: str = "The skeleton") -> Bones:
    """Find the bone of each joint.

    The convention that names most of the twelve joints of arms and legs is used. If several skeletons have
    the same names, the first is used.

    Args:
        skeleton: The skeleton.
        own: The user's mapping, which overrides the convention.
        source: What messages call the skeleton.

    Returns:
        Bones of all joints of arms and legs, except those that `own` maps to None, and of others that exist.

    Raises:
        InvalidInput: A bone is missing.

    """
    own = own or {}
    _require_trunk(own)
    found = _by_convention(skeleton) | {
        joint: _named(skeleton, name, joint, source) for joint, name in own.items() if name is not None
    }
    found = {joint: bone for joint, bone in found.items() if joint not in own or own[joint] is not None}
    missing = [joint for joint in REQUIRED if joint not in found and joint not in own]
    if missing:
        raise InvalidInput(
            f"{source} has no bone that is known as {_listed(missing)} (its bones are "
            f"{_listed([name for name in skeleton.names if name])}): {HOW}."
        )
    return found


def _by_convention(skeleton: Skeleton) -> Bones:
    index: dict[tuple[Side | None, str], int] = {}
    for joint, name in enumerate(skeleton.names):
        if name:
            for key in _keys(name):
                index.setdefault(key, joint)
    every = [_with_table(index, table) for table in CONVENTIONS.values()]
    return max(every, key=lambda found: sum(joint in found for joint in REQUIRED))


def _keys(name: str) -> list[tuple[Side | None, str]]:
    side, base = split_bone_name(name)
    if side is None and base[:1] in ("l", "r"):  # "lhumerus"
        return [(None, base), ("left" if base[0] == "l" else "right", base[1:])]
    return [(side, base)]


def _with_table(index: Mapping[tuple[Side | None, str], int], table: Table) -> Bones:
    found: Bones = {}
    for joint, names in table.items():
        for side in (None,) if joint in UNSIDED else SIDES:
            bones = [index[side, name] for name in names if (side, name) in index]
            if bones:
                found[joint if side is None else f"{side}_{joint}"] = bones[0]
    return found


def _named(skeleton: Skeleton, name: str, joint: str, source: str) -> int:
    if not name or name not in skeleton.names:
        raise InvalidInput(
            f"{source} has no bone {shorten_key(name)!r} for {joint} (its bones are "
            f"{_listed([each for each in skeleton.names if each])}): correct the name."
        )
    return skeleton.names.index(name)


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(shorten_key, names[:MAX_LISTED]))
    return shown if len(names) <= MAX_LISTED else f"{shown} and {len(names) - MAX_LISTED} more"
