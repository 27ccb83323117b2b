"""Settings of the explicit pose indicator."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from ...errors import InvalidInput
from ...retarget.settings import MAX_FACTOR, MIN_FACTOR

Range = tuple[float, float]
Settings = TypeVar("Settings", "FactorRanges", "EpiSettings")

# The ablations of the paper's Table 5; each is named after what it disables.
SWITCHES = ("add", "drop", "body_shoulders", "neck_face", "arms_legs", "rescaling", "realignment")


@dataclass(frozen=True)
class FactorRanges:
    """Smallest and largest factor for the length of each part of `retarget.settings.Factors`, in 0.1..10.

    Factors are drawn log-uniformly, so that 0.5 and 2 are equally far from 1. The paper gives no ranges;
    these are our choice. Anchors are people, whose proportions differ little, so the ranges extend to those
    of cartoon characters (short limbs, long trunks, large heads).

    Raises:
        InvalidInput: If a range is invalid.

    """

    body: Range = (0.6, 1.6)
    legs: Range = (0.4, 1.6)
    arms: Range = (0.5, 1.6)
    neck: Range = (0.6, 1.8)
    shoulders: Range = (0.6, 1.8)
    face: Range = (0.6, 2.5)

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _range(each.name, getattr(self, each.name)))


@dataclass(frozen=True)
class EpiSettings:
    """How the driving poses are transformed in training.

    Each switch is an ablation of the paper's Table 5. The paper does not specify how a combination is drawn;
    here each operation has a probability of its own. With the defaults, nearly all clips have other lengths,
    a third lacks a part, and most clips without legs get some.

    Attributes:
        probability: The paper's lambda, the share of clips that are transformed (1, 0.98, 0.95, 0.9 and 0.8
            in its ablation).
        realignment: Give the dancer the body, position and size of a random anchor pose.
        rescaling: Then apply a random combination of the enabled operations below to the whole clip.
        body_shoulders: Change the lengths of body and shoulders.
        neck_face: Change the lengths of neck and face.
        arms_legs: Change the lengths of arms and legs.
        drop: Remove parts.
        add: Add parts that no frame of the clip shows.
        ranges: Ranges of the length factors.
        factor_chance: Probability of changing each length.
        drop_chance: Probability of removing each of `PARTS`.
        add_chance: Probability of adding each of `ADDABLE`.
        keep_inside: Move a figure that reaches out of the image back into it.

    Raises:
        InvalidInput: If a value is invalid.

    """

    probability: float = 0.98
    realignment: bool = True
    rescaling: bool = True
    body_shoulders: bool = True
    neck_face: bool = True
    arms_legs: bool = True
    drop: bool = True
    add: bool = True
    ranges: FactorRanges = field(default_factory=FactorRanges)
    factor_chance: float = 0.5
    drop_chance: float = 0.02
    add_chance: float = 0.15
    keep_inside: bool = True

    def __post_init__(self) -> None:
        for name in ("probability", "factor_chance", "drop_chance", "add_chance"):
            share = getattr(self, name)
            if not _is_number(share) or not 0 <= share <= 1:
                raise InvalidInput(
                    f"{name} is {share!r}, but it must be a probability: give a number from 0 to 1."
                )
        for name in (*SWITCHES, "keep_inside"):
            switch = getattr(self, name)
            if not isinstance(switch, bool):
                raise InvalidInput(f"{name} is {switch!r}, but it must be a switch: give true or false.")
        if not isinstance(self.ranges, FactorRanges):
            raise InvalidInput(f"ranges is {self.ranges!r}, but it must be a FactorRanges: pass one.")

    def without(self, *switches: str) -> "EpiSettings":
        """Return the settings of an ablation with these of `SWITCHES` off.

        Raises:
            InvalidInput: If a switch does not exist.

        """
        unknown = [name for name in switches if name not in SWITCHES]
        if unknown:
            raise InvalidInput(f"{unknown[0]!r} is not a switch: choose from {', '.join(SWITCHES)}.")
        return replace(self, **dict.fromkeys(switches, False))  # type: ignore[arg-type]  # all are bool

    def scaled_parts(self) -> tuple[str, ...]:
        """Return the parts whose lengths may change, by their names in `Factors`."""
        groups = (
            (self.body_shoulders, ("body", "shoulders")),
            (self.neck_face, ("neck", "face")),
            (self.arms_legs, ("arms", "legs")),
        )
        return tuple(part for on, parts in groups if on and self.rescaling for part in parts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        ranges = {part: list(limits) for part, limits in asdict(self.ranges).items()}
        return {**asdict(self), "ranges": ranges}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EpiSettings":
        """Build settings from the values of `to_dict`. Missing entries have their default.

        Raises:
            InvalidInput: If an entry is unknown or invalid.

        """
        entries = _known_entries(cls, "the settings of EPI", values)
        if "ranges" in entries:
            entries["ranges"] = FactorRanges(**_known_entries(FactorRanges, "ranges", entries["ranges"]))
        return cls(**entries)


def _known_entries(kind: type[Settings], name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    names = [each.name for each in fields(kind)]
    if not isinstance(values, Mapping):
        raise InvalidInput(
            f"{name} are {values!r}, but they must be a mapping: give any of {', '.join(names)}."
        )
    for key in values:
        if key not in names:
            raise InvalidInput(f"{name} have an unknown entry {key!r}: choose from {', '.join(names)}.")
    return dict(values)


def _range(part: str, limits: Any) -> Range:
    numbers = isinstance(limits, (tuple, list)) and len(limits) == 2 and all(map(_is_number, limits))
    if not numbers or not MIN_FACTOR <= limits[0] <= limits[1] <= MAX_FACTOR:
        raise InvalidInput(
            f"the range of {part} is {limits!r}, but it must be two factors, the smaller one first: "
            f"give numbers from {MIN_FACTOR:g} to {MAX_FACTOR:g}."
        )
    return float(limits[0]), float(limits[1])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
