"""Solvers as pure functions of a denoiser, noisy latents, a schedule and timesteps.

A denoiser is a callable. Guidance, windows and known frames wrap one and return another.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from .schedule import NoiseSchedule, Timesteps, released_timesteps, trailing_timesteps

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""(noisy latents x (b, c, f, h, w), timesteps t (b,) int64 in 0..999) -> v like x, in any float type."""


@dataclass(frozen=True, eq=False)
class StepInfo:
    """What a solver reports after a step.

    Args:
        index: This step, from 0.
        total: Number of steps.
        timestep: Where the denoiser was evaluated, 0..999.
        latents: (b, c, f, h, w) after the step.
        x0: The clean latents predicted in it, of the same shape, for previews.

    """

    index: int
    total: int
    timestep: int
    latents: Tensor
    x0: Tensor


OnStep = Callable[[StepInfo], object]
"""Called after every step; may raise, usually `animatex_core.errors.Cancelled`, to stop the solver."""


class Solver(Protocol):
    """Denoises latents."""

    def __call__(
        self,
        denoise: Denoiser,
        x: Tensor,
        schedule: NoiseSchedule,
        timesteps: Timesteps,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Denoise from the first to the last timestep.

        Args:
            denoise: Predicts v. Its result is cast to the dtype of x, in which the solver computes.
            x: Noisy latents (b, c, f, h, w) at the first timestep: pure noise or `NoiseSchedule.noised`.
            schedule: The schedule that v refers to.
            timesteps: Where to evaluate the denoiser, and where to end.
            on_step: Called after every step.

        Returns:
            Latents at the final timestep, with the shape, dtype and device of x.

        """


@torch.no_grad()
def ddim(
    denoise: Denoiser, x: Tensor, schedule: NoiseSchedule, timesteps: Timesteps, on_step: OnStep | None = None
) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, equation 12 with eta 0), identical to the official code.

    With `released_timesteps` it ends at timestep 0, not at clean latents: noise of sigma 0.03 remains.

    Args:
        denoise: Predicts v for latents and timesteps (b,).
        x: Noise, (b, c, f, h, w).
        schedule: The noise schedule.
        timesteps: The timesteps to visit, in descending order.
        on_step: Called after every step; may raise to cancel.

    Returns:
        Latents like x.

    """
    alphas_cumprod = _alphas_cumprod(schedule, timesteps).tolist()
    for index, timestep in enumerate(timesteps.visited):
        now, after = alphas_cumprod[index : index + 2]
        x0 = _predict_x0(denoise, x, timestep, schedule)
        # At zero terminal SNR all of x is noise.
        eps = (math.sqrt(1 / now) * x - x0) / math.sqrt(1 / now - 1) if now else x
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * eps
        if on_step:
            on_step(StepInfo(index, len(timesteps), timestep, x, x0))
    return x


@torch.no_grad()
def dpm_solver_pp_2m(
    denoise: Denoiser, x: Tensor, schedule: NoiseSchedule, timesteps: Timesteps, on_step: OnStep | None = None
) -> Tensor:
    """DPM-Solver++(2M), second order in the data prediction (Lu et al. 2022, algorithm 2).

    With `trailing_timesteps` it ends at the clean latents predicted at the last timestep, which smooths
    detail fainter than the noise left there.

    With zero terminal SNR lambda is -inf at timestep 999, and +inf at clean latents. Floats reach the limits
    of the formulas there without special cases: the second step is of first order, since h / inf is 0. Only
    the last step has to be set to first order, since its own h is infinite.

    Arguments and result are as for `ddim`.
    """
    alphas_cumprod = _alphas_cumprod(schedule, timesteps)
    alphas, sigmas = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
    alpha, sigma, h = alphas.tolist(), sigmas.tolist(), (alphas.log() - sigmas.log()).diff().tolist()
    previous = None
    for index, timestep in enumerate(timesteps.visited):
        x0 = _predict_x0(denoise, x, timestep, schedule)
        data = x0
        if previous is not None and math.isfinite(h[index]):
            data = x0 + h[index] / (2 * h[index - 1]) * (x0 - previous)
        x = sigma[index + 1] / sigma[index] * x - alpha[index + 1] * math.expm1(-h[index]) * data
        previous = x0
        if on_step:
            on_step(StepInfo(index, len(timesteps), timestep, x, x0))
    return x


SOLVERS: Mapping[str, Solver] = MappingProxyType({"ddim": ddim, "dpm++2m": dpm_solver_pp_2m})
"""The solvers by their user-facing names."""

SOLVER_TIMESTEPS: Mapping[str, Callable[..., Timesteps]] = MappingProxyType(
    {"ddim": released_timesteps, "dpm++2m": trailing_timesteps}
)
"""The timesteps of each solver: (steps, denoise) -> timesteps."""


def _alphas_cumprod(schedule: NoiseSchedule, timesteps: Timesteps) -> Tensor:
    """Return alpha_t^2 at every visited timestep and at the final one, float64."""
    end = torch.ones(()) if timesteps.final is None else schedule.alphas_cumprod[timesteps.final]
    return torch.cat([schedule.alphas_cumprod[list(timesteps.visited)], end.double().view(1)])


def _predict_x0(denoise: Denoiser, x: Tensor, timestep: int, schedule: NoiseSchedule) -> Tensor:
    t = torch.full((len(x),), timestep, dtype=torch.int64, device=x.device)
    return schedule.x0_from_v(x, denoise(x, t).to(x.dtype), t)
