"""Settings of retargeting."""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Literal, get_args

import numpy as np

from ..errors import InvalidInput
from .bones import KIND, KINDS
from .parts import ADDABLE, PARTS

__all__ = ["ADDABLE", "MODES", "PARTS", "Factors", "Mode", "RetargetSettings"]

Mode = Literal["none", "align", "retarget"]
MODES: tuple[str, ...] = get_args(Mode)
MIN_FACTOR, MAX_FACTOR = 0.1, 10.0

_SCALED_BY = {
    "body": ("torso",),
    "legs": ("thigh", "shin", "foot"),
    "arms": ("upper_arm", "forearm", "hand"),
    "neck": ("neck",),
    "shoulders": ("shoulder",),
    "face": ("face",),
}


@dataclass(frozen=True)
class Factors:
    """Length factors of body parts, each about the point where the part is attached; 0.1 to 10.

    Attributes:
        body: Neck to hips, which moves the legs along.
        legs: Hips to toes.
        arms: Shoulders to fingers.
        neck: Neck to nose.
        shoulders: Neck to shoulders.
        face: Eyes, ears and face points about the nose.

    Raises:
        InvalidInput: A factor is out of range.

    """

    body: float = 1.0
    legs: float = 1.0
    arms: float = 1.0
    neck: float = 1.0
    shoulders: float = 1.0
    face: float = 1.0

    def __post_init__(self) -> None:
        for each in fields(self):
            _require_between(f"factor {each.name}", getattr(self, each.name), MIN_FACTOR, MAX_FACTOR)

    def ratios(self) -> np.ndarray:
        """Return the factor of each kind of bone: (len(KINDS),)."""
        ratios = np.ones(len(KINDS))
        for part, kinds in _SCALED_BY.items():
            ratios[[KIND[kind] for kind in kinds]] = getattr(self, part)
        return ratios


@dataclass(frozen=True)
class RetargetSettings:
    """How the driving motion is transferred to the character.

    Attributes:
        mode: "none" keeps the poses at their position in the driving image, as the official code does.
            "align" moves and scales the whole person to the character's position and size. "retarget" also
            applies the character's bone lengths.
        factors: Length factors on top; in mode "none", of the driving body itself.
        drop: Names of PARTS that the character does not have; they become missing.
        add: Names of ADDABLE parts that the driving poses never show and the character has.
        ground: Keep the feet on the character's ground line.
        bound: How many times a bone may be longer or shorter than the scale of the whole body, 1 or more
            (squared for the face). Factors are applied afterwards.

    Raises:
        InvalidInput: A setting is unknown or out of range.

    """

    mode: Mode = "retarget"
    factors: Factors = field(default_factory=Factors)
    drop: Sequence[str] = ()
    add: Sequence[str] = ()
    ground: bool = False
    bound: float = 3.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InvalidInput(f"mode is {self.mode!r}, but it must be one of: {', '.join(MODES)}.")
        _require_between("bound", self.bound, 1.0, float("inf"))
        object.__setattr__(self, "drop", _checked("drop", self.drop, PARTS))
        object.__setattr__(self, "add", _checked("add", self.add, ADDABLE))


def _require_between(name: str, value: object, least: float, largest: float) -> None:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not isfinite(value) or not least <= value <= largest:  # type: ignore[arg-type, operator]
        above = f"{least:g} or more" if largest == float("inf") else f"{least:g} to {largest:g}"
        raise InvalidInput(f"{name} is {value!r}, but it must be a number: take {above}.")


def _checked(name: str, parts: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    listed = (parts,) if isinstance(parts, str) else tuple(parts)
    for part in listed:
        if part not in known:
            raise InvalidInput(
                f"{name} contains {reprlib.repr(part)}, which is not a known part: use {', '.join(known)}."
            )
    return listed
