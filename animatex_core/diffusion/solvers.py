"""What a denoiser is here: a callable. Guidance, windows and pinned frames wrap one and give one back."""

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
    """What a solver tells after a step.

    index, total: this step, from 0, and how many there are; timestep: where the denoiser was asked, 0..999.
    latents: (b, c, f, h, w) after the step; x0: the clean latents predicted in it, for previews.
    """

    index: int
    total: int
    timestep: int
    latents: Tensor
    x0: Tensor


OnStep = Callable[[StepInfo], object]
"""Called after every step; it stops the solver by raising, customarily `animatex_core.errors.Cancelled`."""


class Solver(Protocol):
    """From noisy latents x (b, c, f, h, w) to latents of their shape, type and device at the way's end.

    x: as they are at the first of the timesteps: pure noise, or `NoiseSchedule.noised` latents.
    The arithmetic is that of the type of x, whatever type the denoiser answers in.
    """

    def __call__(
        self,
        denoise: Denoiser,
        x: Tensor,
        schedule: NoiseSchedule,
        timesteps: Timesteps,
        on_step: OnStep | None = None,
    ) -> Tensor: ...


@torch.no_grad()
def ddim(
    denoise: Denoiser, x: Tensor, schedule: NoiseSchedule, timesteps: Timesteps, on_step: OnStep | None = None
) -> Tensor:
    """DDIM without randomness (Song et al. 2021, equation 12 with eta 0), exactly as released.

    On the released way it ends at timestep 0, not at clean latents: a noise of sigma 0.03 stays in them.
    """
    alphas_cumprod = _along(schedule, timesteps).tolist()
    for index, timestep in enumerate(timesteps.visited):
        now, after = alphas_cumprod[index : index + 2]
        x0 = _predict_x0(denoise, x, timestep, schedule)
        # Where nothing is left of the clip, all of x is noise.
        eps = (math.sqrt(1 / now) * x - x0) / math.sqrt(1 / now - 1) if now else x
        x = math.sqrt(after) * x0 + math.sqrt(1 - after) * eps
        if on_step:
            on_step(StepInfo(index, len(timesteps), timestep, x, x0))
    return x


@torch.no_grad()
def dpm_solver_pp_2m(
    denoise: Denoiser, x: Tensor, schedule: NoiseSchedule, timesteps: Timesteps, on_step: OnStep | None = None
) -> Tensor:
    """DPM-Solver++(2M), of second order in the data prediction (Lu et al. 2022, algorithm 2).

    On the trailing way it ends at the clean latents that the denoiser expects from the last timestep, which
    smooths detail fainter than the noise left there.

    With zero terminal SNR lambda is -inf at timestep 999, and at clean latents it is +inf. The formulas have
    limits there that floats reach by themselves: the step after the first is of first order, since h / inf
    is 0. Only the last one must be told to be so, since its own h is infinite.
    """
    alphas_cumprod = _along(schedule, timesteps)
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
"""The solvers by the name a user chooses them by."""

TIMESTEPS_OF: Mapping[str, Callable[..., Timesteps]] = MappingProxyType(
    {"ddim": released_timesteps, "dpm++2m": trailing_timesteps}
)
"""The way each takes: (steps, denoise) -> timesteps."""


def _along(schedule: NoiseSchedule, timesteps: Timesteps) -> Tensor:
    """alpha_t^2 at every timestep of a way and at its end, float64."""
    end = torch.ones(()) if timesteps.final is None else schedule.alphas_cumprod[timesteps.final]
    return torch.cat([schedule.alphas_cumprod[list(timesteps.visited)], end.double().view(1)])


def _predict_x0(denoise: Denoiser, x: Tensor, timestep: int, schedule: NoiseSchedule) -> Tensor:
    t = torch.full((len(x),), timestep, dtype=torch.int64, device=x.device)
    return schedule.x0_from_v(x, denoise(x, t).to(x.dtype), t)
