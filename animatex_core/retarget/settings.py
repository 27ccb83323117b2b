"""What a user can ask of retargeting."""

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
    """How many times longer the bones of a part become, about the place where it is attached; 0.1 to 10.

    body: neck to hips, which takes the legs along; legs: hips to toes; arms: shoulders to fingers;
    neck: neck to nose; shoulders: neck to shoulders; face: eyes, ears and face points about the nose.
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
    """How the driving motion is carried over to the character.

    mode: "none" leaves the poses where they were in the driving picture, as released; "align" moves and
    scales the whole dancer to the character's place and size; "retarget" gives him the character's bone
    lengths as well. factors: see there; about the driving body itself in mode "none".
    drop: names of PARTS that the character has not; they become missing. add: names of ADDABLE parts that
    the driving poses lack in every frame and the character has.
    ground: keep the feet on the character's ground line. bound: how many times a bone may be longer or
    shorter than the scale of the whole body would make it, 1 or more (squared for the face); factors come
    on top.
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
                f"{name} names {reprlib.repr(part)}, which is no part here: take {', '.join(known)}."
            )
    return listed
