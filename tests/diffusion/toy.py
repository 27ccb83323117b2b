"""Denoisers small enough to know the answer of."""

import torch
from torch import Tensor

from animatex_core.diffusion.schedule import NoiseSchedule
from animatex_core.diffusion.solvers import SOLVER_TIMESTEPS, SOLVERS, Denoiser, OnStep

SCHEDULE = NoiseSchedule.released()


def linear(a: float, b: float, c: float, k: float = 1.0) -> Denoiser:
    """The toy model of the reference numbers."""
    return lambda x, t: a * x * k + b * t.view(-1, 1, 1, 1, 1).to(x.dtype) + c * k


TOY = linear(a=0.3, b=1e-4, c=-0.05)


def solve(solver: str, denoise: Denoiser, x: Tensor, steps: int, on_step: OnStep | None = None) -> Tensor:
    """Run a solver on its own way."""
    return SOLVERS[solver](denoise, x, SCHEDULE, SOLVER_TIMESTEPS[solver](steps), on_step)


class Gaussian:
    """Clips of independent numbers from N(mean, std^2): denoiser and sampling ODE are known exactly."""

    def __init__(self, mean: float, std: float) -> None:
        self.mean, self.std = mean, std

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        alpha, spread = self._at(t)
        x0 = self.mean + alpha * self.std**2 / spread**2 * (x - alpha * self.mean)
        return SCHEDULE.v_from_x0(x, x0, t)

    def trajectory(self, noise: Tensor, timestep: int) -> Tensor:
        """Where the ODE leads at `timestep` from `noise` at timestep 999."""
        alpha, spread = self._at(torch.tensor([timestep]))
        return alpha * self.mean + spread * noise

    def _at(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alphas_cumprod = SCHEDULE.alphas_cumprod[t].view(-1, 1, 1, 1, 1)
        return alphas_cumprod.sqrt(), (1 + alphas_cumprod * (self.std**2 - 1)).sqrt()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
