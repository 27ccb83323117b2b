"""The notation of k-diffusion and ComfyUI (Karras et al. 2022), and ours.

Theirs adds noise to a clip that stays as it is, y = x0 + sigma noise. Ours shrinks both to unit variance,
x = alpha x0 + sqrt(1 - alpha^2) noise. With sigma = sqrt(1 - alpha^2) / alpha, y = x sqrt(1 + sigma^2).
"""

import math
import sys
import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import AnimateXWarning, InvalidInput
from .schedule import TIMESTEPS, NoiseSchedule, Timesteps
from .solvers import Denoiser

DataPredictor = Callable[[Tensor, float], Tensor]
"""(y = x0 + sigma noise (b, c, f, h, w), sigma) -> the clean latents expected from it, like y."""

HIGHEST = sys.float_info.max


@dataclass(frozen=True)
class KarrasSigmas:
    """The sigma of each timestep 0..999, rising, above 0 and finite.

    Raises InvalidInput unless there are 1000.
    """

    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sigmas) != TIMESTEPS:
            raise InvalidInput(
                f"The model has {len(self.sigmas)} timesteps, but Animate-X was trained with {TIMESTEPS}: "
                "take away the node that changes the model's sampling."
            )

    @property
    def schedule(self) -> NoiseSchedule:
        """The same schedule in our notation: the released one where only its zero at the end is missing."""
        alphas_cumprod = 1 / (1 + torch.tensor(self.sigmas, dtype=torch.float64) ** 2)
        released = NoiseSchedule.released()
        same = torch.allclose(alphas_cumprod, released.alphas_cumprod, rtol=0, atol=1e-6)
        return released if same else NoiseSchedule(alphas_cumprod)

    def timestep(self, sigma: float) -> int:
        """Return the timestep whose sigma is nearest in ratio; sigma is above 0."""
        above = min(bisect_left(self.sigmas, sigma), TIMESTEPS - 1)
        below = max(above - 1, 0)
        return below if sigma / self.sigmas[below] < self.sigmas[above] / sigma else above

    def timesteps(self, sigmas: Sequence[float]) -> Timesteps:
        """Return the way through falling sigmas; the last is its end, where 0 means clean latents.

        Each becomes the nearest timestep, which is what a denoiser of whole timesteps is asked at anyway.
        Where several become the same one it is visited once, with an AnimateXWarning.
        Raises InvalidInput for no sigmas, and unless they fall from a finite one to 0 or more.
        """
        if not sigmas or not all(before >= after >= 0 for before, after in pairwise((HIGHEST, *sigmas))):
            raise InvalidInput(
                "The SIGMAS are none, or do not fall from a finite one to 0 or more: wire those of the node "
                "Animate-X Solver."
            )
        final = self.timestep(sigmas[-1]) if sigmas[-1] else None
        nearest = dict.fromkeys(self.timestep(sigma) for sigma in sigmas[:-1] if sigma)
        visited = tuple(timestep for timestep in nearest if timestep != final)
        if len(visited) < len(sigmas) - 1:
            sentence = (
                f"The SIGMAS are of {len(sigmas) - 1} steps, but several lie at one timestep of the model: "
                f"it takes {len(visited)} steps."
            )
            warnings.warn(AnimateXWarning(sentence), stacklevel=2)
        return Timesteps(visited, final)

    def along(self, timesteps: Timesteps) -> list[float]:
        """Return the sigmas of a way and of its end."""
        end = 0.0 if timesteps.final is None else self.sigmas[timesteps.final]
        return [*(self.sigmas[timestep] for timestep in timesteps.visited), end]

    def denoiser(self, predict: DataPredictor) -> Denoiser:
        """Return what predicts v in our notation, from what predicts clean latents in theirs."""

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            sigma = self.sigmas[int(t[0].item())]
            scale = noise_scale(sigma)
            return (x / scale - predict(x * scale, sigma)) * (scale / sigma)

        return denoise


def noise_scale(sigma: float) -> float:
    """Return y / x, the square root of 1 + sigma^2."""
    return math.hypot(1, sigma)
