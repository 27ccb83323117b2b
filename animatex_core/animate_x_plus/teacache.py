"""TeaCache (Liu et al. 2024): steps with little change reuse the residual of the transformer's blocks.

As in the official code, the relative change of the timestep modulation since the previous step, mapped by a
polynomial fitted to each transformer, is accumulated. While the sum is below a threshold, blocks are skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from torch import Tensor

from ..errors import InvalidInput
from ..utils.validation import require_int

THRESHOLD = 0.3
RELEASED_MODEL = "Wan2.1-I2V-14B-720P"
# Highest power first. A polynomial can be negative, which reduces the sum.
COEFFICIENTS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        RELEASED_MODEL: (8.10705460e03, 2.13393892e03, -3.72934672e02, 1.66203073e01, -4.17769401e-02),
        "Wan2.1-I2V-14B-480P": (2.57151496e05, -3.54229917e04, 1.40286849e03, -1.35890334e01, 1.32517977e-01),
        "Wan2.1-T2V-14B": (-3.03318725e05, 4.90537029e04, -2.65530556e03, 5.87365115e01, -3.15583525e-01),
        "Wan2.1-T2V-1.3B": (-5.21862437e04, 9.23041404e03, -5.28275948e02, 1.36987616e01, -4.99875664e-02),
    }
)


@dataclass
class TeaCache:
    """The cache of one pass, conditional or unconditional, over the steps of one run.

    Args:
        steps: Number of steps. The first and the last one always run.
        threshold: Accumulated change below which a step is skipped, 0 or more.
        coefficients: One of `COEFFICIENTS`.
        residual: What the blocks added when they last ran, set by the caller.

    Raises:
        InvalidInput: A value is out of range.

    """

    steps: int
    threshold: float = THRESHOLD
    coefficients: Sequence[float] = COEFFICIENTS[RELEASED_MODEL]
    residual: Tensor | None = None
    _step: int = 0
    _distance: float = 0.0
    _previous: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_int("steps", self.steps)
        if self.threshold < 0:
            raise InvalidInput(f"The threshold of TeaCache is {self.threshold}: use 0 or more.")

    def skips(self, modulation: Tensor) -> bool:
        """Return whether the blocks are skipped at the next step. Call it once per step.

        Args:
            modulation: Projection of the timestep embedding that every block reads.

        """
        if 0 < self._step < self.steps - 1:
            self._distance += self._estimate(modulation)
            skipped = self._distance < self.threshold
        else:
            skipped = False
        if not skipped:
            self._distance = 0.0
        self._previous = modulation
        self._step += 1
        return skipped

    def _estimate(self, modulation: Tensor) -> float:
        assert self._previous is not None
        change = float(relative_change(self._previous, modulation))
        value = 0.0
        for coefficient in self.coefficients:
            value = value * change + coefficient
        return value


def relative_change(previous: Tensor, current: Tensor) -> Tensor:
    """Return mean|current - previous| / mean|previous|."""
    return (current - previous).abs().mean() / previous.abs().mean()
