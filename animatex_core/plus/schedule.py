"""Flow matching as the release samples it: shifted sigmas, plain Euler steps."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..checks import require_whole
from ..diffusion.denoiser import Denoiser
from ..errors import InvalidInput
from ..progress import Progress, no_progress

SHIFT = 5.0
STEPS = 50
TIMESTEPS = 1000


@dataclass(frozen=True, eq=False)
class FlowSchedule:
    """sigmas: (steps + 1,) float32, 1 down to 0; at sigma s the latents are (1 - s) * clip + s * noise."""

    sigmas: Tensor

    @classmethod
    def shifted(cls, steps: int = STEPS, shift: float = SHIFT) -> "FlowSchedule":
        """Return `steps` evenly spaced sigmas, moved towards the noise: shift * u / (1 + (shift - 1) * u).

        Raises InvalidInput unless steps is 1 or more and shift is above 0.
        """
        require_whole("steps", steps)
        if not shift > 0:
            raise InvalidInput(f"shift is {shift}, but it must be above 0: take 5, as released.")
        even = torch.linspace(1, 0, steps + 1)
        return cls(shift * even / (1 + (shift - 1) * even))

    @property
    def timesteps(self) -> Tensor:
        """(steps,) float32: what each step's sigma is called, 0..1000."""
        return self.sigmas[:-1] * TIMESTEPS


def rounded_timesteps(timesteps: Tensor) -> Tensor:
    """Return timesteps as the released transformer receives them, rounded to bfloat16, in float32.

    The spacing is 4 above 512. The solver uses the exact ones.
    """
    return timesteps.bfloat16().float()


def with_guidance(conditional: Denoiser, unconditional: Denoiser, scale: float) -> Denoiser:
    """Guide as released: u + scale * (c - u); at scale 1 only the conditional pass runs."""
    if scale == 1:
        return conditional

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        u = unconditional(x, t)
        return u + scale * (conditional(x, t) - u)

    return denoise


def euler(
    denoiser: Denoiser, noise: Tensor, schedule: FlowSchedule, progress: Progress = no_progress
) -> Tensor:
    """Integrate the velocity that a denoiser predicts from noise (b, c, f, h, w) to latents.

    denoiser: called with x and timesteps (b,). The latents keep the type of the noise: the release holds
    them in bfloat16.
    """
    x, steps = noise, len(schedule.timesteps)
    for step, (timestep, (sigma, following)) in enumerate(
        zip(schedule.timesteps, pairwise(schedule.sigmas), strict=True)
    ):
        velocity = denoiser(x, timestep.to(x.device).expand(x.shape[0]))
        x = x + velocity * (following - sigma).item()
        progress(step + 1, steps)
    return x
