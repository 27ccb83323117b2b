"""How strongly a video follows its poses, and in which part of the sampling."""

import math
from dataclasses import dataclass

from ..diffusion.schedule import TIMESTEPS
from ..errors import InvalidInput


@dataclass(frozen=True)
class PoseStrength:
    """The strength of the poses.

    It is a factor of two results of the encoders: the features of the drawn poses, which are added to the
    features of the reference image, and the values of the motion attention, which are computed from the
    tokens of the implicit pose indicator. The pose of the reference image stays as it is, and so does the
    puppet of the small models, which is an image.

    Args:
        strength: 0 or more. 1 is as trained, 0 leaves the poses out.
        start: Start of the part of the sampling in which poses are used, in percent as for `Guidance`: 0 is
            pure noise. Outside of it they are left out.
        end: End of that part, inclusive.

    Raises:
        InvalidInput: A value is out of range.

    """

    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strength) and self.strength >= 0):
            raise InvalidInput(
                f"The strength of the poses is {self.strength}, but it must be 0 or more: use 1 to follow "
                "them as trained."
            )
        if not 0 <= self.start <= self.end <= 1:
            raise InvalidInput(
                f"The poses are used from {self.start} to {self.end}, but these are fractions of the "
                "sampling: choose 0 <= start <= end <= 1."
            )

    def at(self, timestep: float) -> float:
        """Return the factor at a timestep, 0..999."""
        if (self.start, self.end) == (0, 1):
            return self.strength
        last = TIMESTEPS - 1
        applies = (1 - self.end) * last <= timestep <= (1 - self.start) * last
        return self.strength if applies else 0.0

    @property
    def factors(self) -> tuple[float, ...]:
        """All factors that occur."""
        whole = (self.start, self.end) == (0, 1) or self.strength == 0
        return (self.strength,) if whole else (self.strength, 0.0)
