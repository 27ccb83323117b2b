"""The denoiser: a 3D UNet that predicts v from noisy latents, a timestep and conditions.

Attribute names are those of the official checkpoint.
"""

from dataclasses import replace
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from ..diffusion.schedule import TIMESTEPS
from .blocks import LevelBuilder
from .condition_encoders import ConditionEncoders
from .conditions import BlockContext, ConditionInputs, Conditions, KeptPrediction
from .config import DenoiserConfig
from .cpu_layers import Conv2d, infers_on_cpu
from .finer_grid import FinerGrid
from .layers import TORCH, LayerFactory, timestep_embedding
from .puppet_condition import estimate_from_puppet, estimate_without_noise


class AnimateXUNet(ConditionEncoders):
    """The 3D UNet of Animate-X. `encode` runs once per video, `forward` at every step.

    Args:
        config: Sizes of the network.
        operations: Namespace of layer classes: `layers.TORCH`, `layers.UNINITIALISED` or ComfyUI's.
        device: Where the weights are; "meta" to load them later.
        dtype: Type of the weights; None is torch's default.

    """

    def __init__(
        self,
        config: DenoiserConfig,
        operations: Any = TORCH,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        layers = LayerFactory(operations, device, dtype)
        super().__init__(config, layers)
        self.grid = FinerGrid(layers, config) if config.grid_factor > 1 else None
        self._build_levels(layers)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.parameters()).dtype

    def use_channels_last(self) -> None:
        """Store the weights of the convolutions channels last, which is faster on tensor cores."""
        formats = {4: torch.channels_last, 5: torch.channels_last_3d}
        for parameter in self.parameters():
            if parameter.ndim in formats:
                parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])

    def _build_levels(self, layers: LayerFactory) -> None:
        config = self.config
        time = config.time_dim
        self.time_embed = nn.Sequential(
            layers.linear(config.channels, time), nn.SiLU(), layers.linear(time, time)
        )
        levels = LevelBuilder(layers, config)
        self.input_blocks = nn.ModuleList(levels.down())
        self.middle_block = levels.middle()
        self.output_blocks = nn.ModuleList(levels.up())
        channels = config.widths[0]
        outputs = config.latent_channels if self.grid is None else config.cell_channels
        # A change of pixels is as large as their contrast, which a normalisation would hide.
        norm = layers.group_norm(config.norm_groups, channels) if self.grid is None else nn.Identity()
        self.out = nn.Sequential(
            norm,
            nn.SiLU(),
            layers.conv2d(channels, outputs, 3, padding=1),
        )

    def encode(self, inputs: ConditionInputs, pose_strength: float = 1.0) -> Conditions:
        """Encode the conditions of a video, see `ConditionEncoders.encode`.

        A network that ignores the noisy latents predicts the same at every step. In inference it runs at the
        first one, and the conditions keep what it predicts.
        """
        conditions = super().encode(inputs, pose_strength)
        if not self.config.ignores_noise or self.training:
            return conditions
        return replace(conditions, kept=tuple(KeptPrediction() for _ in range(conditions.batch)))

    def forward(self, x: Tensor, timesteps: Tensor, conditions: Conditions) -> Tensor:
        """Predict v.

        Args:
            x: Noisy latents, (b, latent_channels, f, h, w).
            timesteps: (b,) in 0..999.
            conditions: From `encode`.

        Returns:
            v, of the shape and dtype of x.

        """
        if not self.config.puppet:
            return self._predict(x, timesteps, conditions)
        puppet = conditions.concat[:, -self.config.latent_channels :]
        if self.config.ignores_noise:
            estimate = estimate_without_noise(x, puppet, timesteps)
            timesteps = torch.full_like(timesteps, TIMESTEPS - 1)
        else:
            estimate = estimate_from_puppet(x, puppet, timesteps)
        prediction = _known(conditions.kept, x)
        if prediction is None:
            prediction = self._predict(estimate.correction.to(x.dtype), timesteps, conditions)
            for kept, value in zip(conditions.kept, prediction.split(1), strict=bool(conditions.kept)):
                kept.value = value.clone()  # the memory of a compiled network is used again
        return (estimate.scale * prediction.float() + estimate.velocity).to(x.dtype)

    def _predict(self, latents: Tensor, timesteps: Tensor, conditions: Conditions) -> Tensor:
        """Run the layers on latents (b, latent_channels, f, h, w)."""
        time = timestep_embedding(timesteps, self.config.channels).to(latents.dtype)
        step = BlockContext(self.time_embed(time), conditions)
        video = torch.cat([conditions.reference, torch.cat([latents, conditions.concat], dim=1)], dim=2)
        inputs = rearrange(video, "b c f h w -> (b f) c h w")
        hidden = self._in_faster_layout(inputs if self.grid is None else self.grid.enter(inputs))
        skips = []
        for block in self.input_blocks:
            hidden = block(hidden, step)
            skips.append(hidden)
        hidden = self.middle_block(hidden, step)
        for block in self.output_blocks:
            hidden = block(torch.cat([hidden, skips.pop()], dim=1), step)
        # The output layers treat each frame separately, so the reference frame is dropped before them.
        frames = rearrange(hidden, "(b f) c h w -> b f c h w", f=step.frames)[:, 1:]
        outputs = self.out(frames.flatten(0, 1))
        outputs = outputs if self.grid is None else self.grid.leave(outputs)
        return rearrange(outputs, "(b f) c h w -> b c f h w", b=len(latents))

    def _in_faster_layout(self, frames: Tensor) -> Tensor:
        """Return frames channels last where that is faster: in inference on a CPU, with our own layers."""
        if infers_on_cpu(frames) and isinstance(self.out[2], Conv2d):
            return frames.contiguous(memory_format=torch.channels_last)
        return frames


def _known(kept: tuple[KeptPrediction, ...], like: Tensor) -> Tensor | None:
    """Return what the network predicts for each video, None if it has not run for all of them."""
    values = [each.value.to(like) for each in kept if each.value is not None]
    return torch.cat(values) if values and len(values) == len(kept) else None
