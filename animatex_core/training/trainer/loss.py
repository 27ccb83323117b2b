"""The loss of the paper: DDPM's mean squared error, of v."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...diffusion.schedule import TIMESTEPS, NoiseSchedule
from ...model.conditions import Conditions
from ...model.unet import AnimateXUNet
from .config import LossConfig
from .samples import Batch


class DenoisingLoss(nn.Module):
    """A denoiser and what is asked of it, in one module: encoder and denoiser learn in one pass."""

    def __init__(self, unet: AnimateXUNet, channel_weights: Sequence[float] = ()) -> None:
        super().__init__()
        self.unet = unet
        self.schedule = NoiseSchedule.released()
        self.channel_weights = torch.tensor(channel_weights).view(1, -1, 1, 1, 1) if channel_weights else None

    def forward(self, batch: Batch, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the plain mean squared error of each clip (b,), without gradients.

        noise: like the latents; timesteps: (b,) int64 in 0..999.
        """
        conditions = Conditions.stack([self.unet.encode(group) for group in batch.groups])
        noised = self.schedule.noised(batch.latents, noise, timesteps)
        predicted = self.unet(noised, timesteps, conditions).float()
        errors = (predicted - self.schedule.v_from_noise(batch.latents, noise, timesteps)).square()
        weighted = errors if batch.weights is None else errors * batch.weights
        if self.channel_weights is not None:
            weighted = weighted * self.channel_weights.to(weighted.device)
        return weighted.mean(), errors.detach().mean((1, 2, 3, 4))


def draw_noise(latents: Tensor, config: LossConfig) -> Tensor:
    """Draw noise like latents (b, c, f, h, w): standard normal, plus an offset of each channel and frame.

    Drawn on the CPU from torch's global state, so that a seed means the same on every device.
    """
    noise = torch.randn(latents.shape)
    offset = torch.randn(*latents.shape[:3], 1, 1)
    return (noise + config.noise_offset * offset).to(latents.device)


def draw_timesteps(count: int, config: LossConfig) -> Tensor:
    """Draw timesteps (count,) int64 from torch's global state, as `LossConfig` says."""
    places = torch.rand(count, dtype=torch.float64) ** (1 / (1 + config.noise_emphasis))
    timesteps = (places * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
    if config.pure_noise:
        timesteps[torch.rand(count) < config.pure_noise] = TIMESTEPS - 1
    return timesteps
