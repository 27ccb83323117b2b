"""Default sampling options, which commands show without importing PyTorch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SamplingDefaults:
    """Sampling options of one model, see `SamplingSettings`.

    Attributes:
        steps: Number of steps.
        solver: A name in `diffusion.solvers.SOLVERS`.
        guidance: Scale of classifier-free guidance; 1 is none.

    """

    steps: int
    solver: str
    guidance: float


OFFICIAL = SamplingDefaults(30, "ddim", 2.5)
"""The defaults of the official code."""

SMALL_BUNDLE = SamplingDefaults(1, "dpm++2m", 1.0)
"""Defaults of the small bundle, which starts from the puppet: one step without guidance is enough."""
