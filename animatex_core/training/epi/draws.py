"""Everything random about one clip, drawn at once."""

from dataclasses import dataclass

import numpy as np

from ...retarget.parts import PARTS
from ...retarget.settings import ADDABLE, Factors, RetargetSettings
from .settings import EpiSettings

SCALED = ("body", "legs", "arms", "neck", "shoulders", "face")
# How many numbers decide each thing, in the order of drawing.
_COUNTS = (1, 2, len(SCALED), len(SCALED), len(PARTS), len(ADDABLE))


@dataclass(frozen=True, eq=False)
class Draws:
    """Uniform numbers of 0 or more and less than 1, as many for every clip and whatever the settings.

    Settings only decide what the numbers mean. So two trainings whose settings differ in one operation do
    the same in all others, clip by clip: an ablation is paired with what it is compared to.
    applied: whether the clip is transformed; anchor (2,): which; changed, size (6,): of SCALED, which have
    another length and what it is; dropped (len(PARTS),) and added (len(ADDABLE),): which parts.
    """

    applied: float
    anchor: np.ndarray
    changed: np.ndarray
    size: np.ndarray
    dropped: np.ndarray
    added: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator) -> "Draws":
        """Take sum(_COUNTS) numbers from `rng`, in the order of the fields."""
        applied, *others = np.split(rng.random(sum(_COUNTS)), np.cumsum(_COUNTS)[:-1])
        return cls(float(applied[0]), *others)

    def combination(self, settings: EpiSettings) -> RetargetSettings:
        """Return what becomes of the clip where it is transformed."""
        return RetargetSettings(
            mode="retarget" if settings.realignment else "none",
            factors=self._factors(settings),
            drop=_chosen(PARTS, self.dropped, settings.drop_chance * (settings.rescaling and settings.drop)),
            add=_chosen(ADDABLE, self.added, settings.add_chance * (settings.rescaling and settings.add)),
        )

    def _factors(self, settings: EpiSettings) -> Factors:
        parts = settings.scaled_parts()
        factors = {}
        for part, changed, size in zip(SCALED, self.changed, self.size, strict=True):
            if part in parts and changed < settings.factor_chance:
                least, largest = getattr(settings.ranges, part)
                factors[part] = float(least * (largest / least) ** size)
        return Factors(**factors)


def _chosen(names: tuple[str, ...], numbers: np.ndarray, chance: float) -> tuple[str, ...]:
    return tuple(name for name, number in zip(names, numbers, strict=True) if number < chance)
