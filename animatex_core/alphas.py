"""How much of a clip is left at every timestep, for the sampler and for a denoiser that needs to know."""

import math

import torch
from torch import Tensor

TIMESTEPS = 1000
"""Number of timesteps of the training; they run from 0 (almost clean) to 999 (only noise)."""


def alphas_cumprod() -> Tensor:
    """Return alpha_t^2 of Stable Diffusion's schedule with zero terminal SNR, float64 (1000,).

    As in Lin et al. 2023, algorithm 1: the last alpha_t is taken away from all, which are then stretched so
    that the first one stays.
    """
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), TIMESTEPS, dtype=torch.float64) ** 2
    alphas = (1 - betas).cumprod(0).sqrt()
    alphas = (alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])
    return alphas**2
