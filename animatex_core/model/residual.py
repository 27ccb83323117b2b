"""Residual blocks with convolutions over space and over time, and the layers between levels."""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .conditions import Step
from .config import DenoiserConfig
from .layers import LayerFactory


class TemporalConvolutions(nn.Module):
    """Four convolutions over time (kernel 3, 1, 1) around which the input is added."""

    def __init__(self, make: LayerFactory, channels: int, config: DenoiserConfig) -> None:
        super().__init__()
        for index in range(1, 5):
            norm = make.group_norm(config.norm_groups, channels)
            convolution = make.conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
            dropout = [] if index == 1 else [nn.Dropout(config.dropout)]
            self.add_module(f"conv{index}", nn.Sequential(norm, nn.SiLU(), *dropout, convolution))

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, f, h, w) to the same shape."""
        hidden = x
        for convolution in self.children():
            hidden = convolution(hidden)
        return x + hidden


class ResidualBlock(nn.Module):
    """Two convolutions over space with the timestep added in between, then the convolutions over time."""

    def __init__(self, make: LayerFactory, inputs: int, outputs: int, config: DenoiserConfig) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            make.group_norm(config.norm_groups, inputs), nn.SiLU(), make.conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), make.linear(config.time_dim, outputs))
        self.out_layers = nn.Sequential(
            make.group_norm(config.norm_groups, outputs),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            make.conv2d(outputs, outputs, 3, padding=1),
        )
        self.skip_connection = nn.Identity() if inputs == outputs else make.conv2d(inputs, outputs, 1)
        # The released checkpoint spells it so.
        self.temopral_conv = TemporalConvolutions(make, outputs, config)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Map (b*f, inputs, h, w) to (b*f, outputs, h, w)."""
        time = self.emb_layers(step.time).repeat_interleave(step.frames, dim=0)
        hidden = self.out_layers(self.in_layers(x) + time[:, :, None, None])
        hidden = self.skip_connection(x) + hidden
        hidden = self.temopral_conv(rearrange(hidden, "(b f) c h w -> b c f h w", f=step.frames))
        return rearrange(hidden, "b c f h w -> (b f) c h w")


class Downsample(nn.Module):
    """Halves height and width by a convolution of stride 2."""

    def __init__(self, make: LayerFactory, channels: int) -> None:
        super().__init__()
        self.op = make.conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, _step: Step) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    """Doubles height and width by repetition, then a convolution."""

    def __init__(self, make: LayerFactory, channels: int) -> None:
        super().__init__()
        self.conv = make.conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, _step: Step) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
