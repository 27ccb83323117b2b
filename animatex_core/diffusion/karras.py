"""Conversion between our noise schedule and the sigmas of k-diffusion and ComfyUI (Karras et al. 2022).

Karras: y = x0 + sigma noise (variance exploding). Ours: x = alpha x0 + sqrt(1 - alpha^2) noise (variance
preserving). With sigma = sqrt(1 - alpha^2) / alpha, y = x sqrt(1 + sigma^2).
"""

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import InvalidInput, warn
from .schedule import TIMESTEPS, NoiseSchedule, Timesteps
from .solvers import Denoiser

DataPredictor = Callable[[Tensor, float], Tensor]
"""(y = x0 + sigma noise (b, c, f, h, w), sigma) -> the predicted clean latents, like y."""

MAX_SIGMA = sys.float_info.max


@dataclass(frozen=True)
class KarrasSigmas:
    """The sigma of each timestep.

    Args:
        sigmas: 1000 values for timesteps 0..999, rising, above 0 and finite.

    Raises:
        InvalidInput: There are not 1000 of them.

    """

    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sigmas) != TIMESTEPS:
            raise InvalidInput(
                f"The model has {len(self.sigmas)} timesteps, but Animate-X was trained with {TIMESTEPS}: "
                "remove the node that changes the model's sampling."
            )

    @property
    def schedule(self) -> NoiseSchedule:
        """The same schedule in our notation.

        ComfyUI keeps the last alpha above 0; where that is the only difference, this is the official one.
        """
        alphas_cumprod = 1 / (1 + torch.tensor(self.sigmas, dtype=torch.float64) ** 2)
        official = NoiseSchedule.released()
        same = torch.allclose(alphas_cumprod, official.alphas_cumprod, rtol=0, atol=1e-6)
        return official if same else NoiseSchedule(alphas_cumprod)

    def timestep(self, sigma: float) -> int:
        """Return the timestep whose sigma is nearest in ratio to `sigma`, which is above 0."""
        above = min(bisect_left(self.sigmas, sigma), TIMESTEPS - 1)
        below = max(above - 1, 0)
        return below if sigma / self.sigmas[below] < self.sigmas[above] / sigma else above

    def timesteps(self, sigmas: Sequence[float]) -> Timesteps:
        """Convert decreasing sigmas to the timesteps that a solver visits.

        Each sigma is rounded to the nearest timestep, since the denoiser only knows whole ones. Timesteps
        that several sigmas round to are visited once, with an AnimateXWarning.

        Args:
            sigmas: The last one is where the sampling ends; 0 means clean latents.

        Returns:
            The timesteps, with `final` None where the last sigma is 0.

        Raises:
            InvalidInput: There are no sigmas, or they do not decrease from a finite one to 0 or more.

        """
        if not sigmas or not all(before >= after >= 0 for before, after in pairwise((MAX_SIGMA, *sigmas))):
            raise InvalidInput(
                "The SIGMAS are empty, or do not decrease from a finite value to 0 or more: connect those of "
                "the node Animate-X Solver."
            )
        final = self.timestep(sigmas[-1]) if sigmas[-1] else None
        nearest = dict.fromkeys(self.timestep(sigma) for sigma in sigmas[:-1] if sigma)
        visited = tuple(timestep for timestep in nearest if timestep != final)
        if len(visited) < len(sigmas) - 1:
            sentence = (
                f"The SIGMAS have {len(sigmas) - 1} steps, but several round to the same timestep of the "
                f"model: sampling takes {len(visited)} steps."
            )
            warn(sentence)
        return Timesteps(visited, final)

    def for_timesteps(self, timesteps: Timesteps) -> list[float]:
        """Return the sigmas of the visited timesteps and of the final one, which is 0 for clean latents."""
        end = 0.0 if timesteps.final is None else self.sigmas[timesteps.final]
        return [*(self.sigmas[timestep] for timestep in timesteps.visited), end]

    def denoiser(self, predict: DataPredictor) -> Denoiser:
        """Wrap a predictor of clean latents in Karras's notation as a denoiser that predicts v in ours."""

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            sigma = self.sigmas[int(t[0].item())]
            scale = noise_scale(sigma)
            return (x / scale - predict(x * scale, sigma)) * (scale / sigma)

        return denoise


def noise_scale(sigma: float) -> float:
    """Return y / x, the square root of 1 + sigma^2."""
    return math.hypot(1, sigma)
