"""Classifier-free guidance (Ho and Salimans 2022), optionally limited to an interval of the sampling."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..errors import InvalidInput
from .schedule import TIMESTEPS
from .solvers import Denoiser

DenoiserPair = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Like a `Denoiser`, but returns (conditional v, unconditional v)."""


@dataclass(frozen=True)
class Guidance:
    """Strength and interval of the guidance: v = u + scale * (c - u).

    Args:
        scale: 0 or more. At 1 there is no guidance, and only the conditional pass runs.
        start: Start of the interval in which guidance is applied (Kynkaanniemi et al. 2024), inclusive, in
            ComfyUI's percent: 1 - timestep / 999, so 0 is the noisiest timestep, 999, and 1 is timestep 0,
            whether or not the solver visits them. Outside the interval only the conditional pass runs.
        end: End of the interval, inclusive.

    Raises:
        InvalidInput: The scale is negative or not finite, or 0 <= start <= end <= 1 does not hold.

    """

    scale: float = 2.5
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale < float("inf"):
            raise InvalidInput(
                f"guidance scale is {self.scale}, but it must be a finite number of 0 or more: choose one, "
                "such as 2.5."
            )
        if not 0 <= self.start <= self.end <= 1:
            raise InvalidInput(
                f"guidance goes from {self.start} to {self.end}, but these are fractions of the sampling: "
                "choose 0 <= start <= end <= 1."
            )

    def applies(self, timestep: float) -> bool:
        """Return whether the unconditional pass is needed at this timestep.

        Timesteps are 0..999, or 0..1000 in flow matching, which is guided throughout.
        """
        if self.scale == 1 or (self.start, self.end) == (0, 1):
            return self.scale != 1
        last = TIMESTEPS - 1
        return (1 - self.end) * last <= timestep <= (1 - self.start) * last


def with_guidance(conditional: Denoiser, unconditional: Denoiser, guidance: Guidance) -> Denoiser:
    """Apply guidance with two passes that run one after the other, which needs the memory of one.

    Args:
        conditional: The conditional pass.
        unconditional: The unconditional pass.
        guidance: Scale and interval.

    Returns:
        A denoiser that predicts u + scale * (c - u) in the interval, and c outside of it.

    """
    return with_batched_guidance(lambda x, t: (conditional(x, t), unconditional(x, t)), conditional, guidance)


def with_batched_guidance(pair: DenoiserPair, conditional: Denoiser, guidance: Guidance) -> Denoiser:
    """Apply guidance with both passes from one call, so that the caller can run them as one batch.

    Args:
        pair: Runs both passes. Called where the guidance applies.
        conditional: Runs the conditional pass alone. Called elsewhere.
        guidance: Strength and interval.

    Returns:
        A denoiser. All of its t must be the same timestep, as in sampling.

    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        if not guidance.applies(t[0].item()):
            return conditional(x, t)
        # The scale magnifies the rounding of the small difference, so it is computed in the dtype of x.
        c, u = (v.to(x.dtype) for v in pair(x, t))
        return u + guidance.scale * (c - u)

    return denoise
