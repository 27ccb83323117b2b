"""Classifier-free guidance (Ho and Salimans 2022): away from what the model draws when it is told nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..errors import InvalidInput
from .schedule import TIMESTEPS
from .solvers import Denoiser

DenoiserPair = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Like a `Denoiser`, but it answers (conditional v, unconditional v)."""


@dataclass(frozen=True)
class Guidance:
    """How strongly, and when, to guide: v = u + scale * (c - u).

    scale: 0 or more; at 1 nothing is guided and only the conditional pass runs.
    start, end: the interval in which to guide (Kynkaanniemi et al. 2024), both ends included, in ComfyUI's
        percent: 1 - timestep / 999, so 0 is the noisiest timestep, 999, and 1 is timestep 0, whichever the
        solver visits. Outside it only the conditional pass runs.
    Raises InvalidInput for a scale that is negative or not finite, and unless 0 <= start <= end <= 1.
    """

    scale: float = 2.5
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale < float("inf"):
            raise InvalidInput(
                f"guidance scale is {self.scale}, but it must be 0 or more: take 2.5, as released."
            )
        if not 0 <= self.start <= self.end <= 1:
            raise InvalidInput(
                f"guidance goes from {self.start} to {self.end}, but these are fractions of the sampling: "
                "take 0 <= start <= end <= 1."
            )

    def applies(self, timestep: float) -> bool:
        """Whether the unconditional pass is needed at this timestep, 0..999."""
        last = TIMESTEPS - 1
        return self.scale != 1 and (1 - self.end) * last <= timestep <= (1 - self.start) * last


def guided(conditional: Denoiser, unconditional: Denoiser, guidance: Guidance) -> Denoiser:
    """Guide with the two passes one after the other, which needs the memory of one."""
    return guided_pair(lambda x, t: (conditional(x, t), unconditional(x, t)), conditional, guidance)


def guided_pair(pair: DenoiserPair, conditional: Denoiser, guidance: Guidance) -> Denoiser:
    """Guide with both passes from one call, so that the caller may run them as one batch.

    All of t must be the same timestep, as it is in sampling.
    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        if not guidance.applies(t[0].item()):
            return conditional(x, t)
        # The difference is small and the scale magnifies its rounding: take it in the type of x.
        c, u = (v.to(x.dtype) for v in pair(x, t))
        return u + guidance.scale * (c - u)

    return denoise
