"""The noise schedule: how much of a clip is left at every timestep, and what v means there."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..alphas import TIMESTEPS, alphas_cumprod

__all__ = ["TIMESTEPS", "NoiseSchedule"]


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """A variance-preserving schedule x_t = alpha_t x0 + sigma_t noise with alpha_t^2 + sigma_t^2 = 1.

    alphas_cumprod: alpha_t^2 of every timestep, float64 (1000,) on the CPU, within 0..1 and falling.

    All methods take latents of shape (b, ...) and timesteps t (b,) int64 on the device of the latents,
    and answer in the latents' own type. v is that of Salimans and Ho (2022): v = alpha noise - sigma x0.
    """

    alphas_cumprod: Tensor

    def __post_init__(self) -> None:
        assert self.alphas_cumprod.shape == (TIMESTEPS,)
        assert self.alphas_cumprod.dtype == torch.float64

    @classmethod
    def released(cls) -> "NoiseSchedule":
        """Return Stable Diffusion's schedule with zero terminal SNR; see `alphas_cumprod`."""
        return cls(alphas_cumprod())

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Clean latents x0 with `noise` (standard normal, same shape) as they are at timesteps t."""
        alpha, sigma = self._scales(t, x0)
        return alpha * x0 + sigma * noise

    def x0_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Clean latents that v implies for x."""
        alpha, sigma = self._scales(t, x)
        return alpha * x - sigma * v

    def eps_from_v(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Noise that v implies for x."""
        alpha, sigma = self._scales(t, x)
        return sigma * x + alpha * v

    def v_from_x0(self, x: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        """Return the v that implies x0 for x: the inverse of `x0_from_v`."""
        alpha, sigma = self._scales(t, x)
        return (alpha * x - x0) / sigma

    def v_from_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return the v of clean latents and the noise that is added to them: the target of the training."""
        alpha, sigma = self._scales(t, x0)
        return alpha * noise - sigma * x0

    def _scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma) at t, rooted in float64 (which not every device has), ready to multiply `like`."""
        alphas, sigmas = self.alphas_cumprod.sqrt(), (1 - self.alphas_cumprod).sqrt()
        shape = (-1,) + (1,) * (like.ndim - 1)
        alpha, sigma = (table.to(like.dtype).to(like.device)[t].view(shape) for table in (alphas, sigmas))
        return alpha, sigma
