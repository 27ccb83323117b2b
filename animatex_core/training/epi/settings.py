"""What the explicit pose indicator does to the poses of training, and how often."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from ...errors import InvalidInput
from ...retarget.settings import MAX_FACTOR, MIN_FACTOR

Range = tuple[float, float]
Settings = TypeVar("Settings", "FactorRanges", "EpiSettings")

# The ablations of the paper's Table 5, by what is left out.
SWITCHES = ("add", "drop", "body_shoulders", "neck_face", "arms_legs", "rescaling", "realignment")


@dataclass(frozen=True)
class FactorRanges:
    """Between which factors the length of each part is drawn, the least and the largest; 0.1 to 10.

    A factor is log-uniform in its range, so that half and twice are equally far from 1; parts as in
    `retarget.settings.Factors`. The paper gives no ranges. These are our choice: the anchors are people and
    differ by little, so the ranges reach to the bodies of cartoons (short limbs, long trunks, large heads).
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
    """How the driving poses of training are transformed.

    probability: the paper's lambda, the share of clips that are transformed at all (its ablation has 1, 0.98,
    0.95, 0.9 and 0.8). realignment: give the dancer the body, place and size of a random anchor pose.
    rescaling: then apply a random combination, one for the whole clip, of what these switch on:
    body_shoulders, neck_face, arms_legs (other lengths), drop and add (fewer and more parts). Each switch is
    an ablation of the paper's Table 5.

    The paper does not tell how a combination is drawn; here each operation is in it by a chance of its own:
    factor_chance for each length, drop_chance for each of PARTS, add_chance for each of ADDABLE (which adds
    what no frame of the clip shows, and else nothing). With the defaults nearly all clips have other lengths,
    a third lacks something, and most clips without legs get some.
    keep_inside: bring a figure that reaches out of the picture back into it.
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
            _require_share(name, getattr(self, name))
        for name in (*SWITCHES, "keep_inside"):
            _require_switch(name, getattr(self, name))
        if not isinstance(self.ranges, FactorRanges):
            raise InvalidInput(f"ranges is {self.ranges!r}, but it must be FactorRanges: give one of them.")

    def without(self, *switches: str) -> "EpiSettings":
        """Return the settings of an ablation: these of SWITCHES are off."""
        unknown = [name for name in switches if name not in SWITCHES]
        if unknown:
            raise InvalidInput(f"{unknown[0]!r} is nothing to leave out: take {', '.join(SWITCHES)}.")
        return replace(self, **dict.fromkeys(switches, False))  # type: ignore[arg-type]  # all are bool

    def scaled_parts(self) -> tuple[str, ...]:
        """Return the parts, by their names in Factors, whose lengths may change."""
        groups = (
            (self.body_shoulders, ("body", "shoulders")),
            (self.neck_face, ("neck", "face")),
            (self.arms_legs, ("arms", "legs")),
        )
        return tuple(part for on, parts in groups if on and self.rescaling for part in parts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON, every field by its name."""
        ranges = {part: list(limits) for part, limits in asdict(self.ranges).items()}
        return {**asdict(self), "ranges": ranges}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EpiSettings":
        """Read what `to_dict` gives; what is left out has its default. Raises InvalidInput."""
        named = _known(cls, "the settings of EPI", values)
        if "ranges" in named:
            named["ranges"] = FactorRanges(**_known(FactorRanges, "ranges", named["ranges"]))
        return cls(**named)


def _known(kind: type[Settings], name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    names = [each.name for each in fields(kind)]
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{name} are {values!r}, but they must be names and values: {', '.join(names)}.")
    for key in values:
        if key not in names:
            raise InvalidInput(f"{name} have an entry {key!r}, which is unknown: take {', '.join(names)}.")
    return dict(values)


def _range(part: str, limits: Any) -> Range:
    numbers = isinstance(limits, (tuple, list)) and len(limits) == 2 and all(map(_is_number, limits))
    if not numbers or not MIN_FACTOR <= limits[0] <= limits[1] <= MAX_FACTOR:
        raise InvalidInput(
            f"the range of {part} is {limits!r}, but it must be two factors, the least first: "
            f"take numbers from {MIN_FACTOR:g} to {MAX_FACTOR:g}."
        )
    return float(limits[0]), float(limits[1])


def _require_share(name: str, value: object) -> None:
    if not _is_number(value) or not 0 <= value <= 1:  # type: ignore[operator]  # a number
        raise InvalidInput(f"{name} is {value!r}, but it must be a share of the clips: take 0 to 1.")


def _require_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} is {value!r}, but it must be on or off: take true or false.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
