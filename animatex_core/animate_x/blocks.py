"""The blocks of the UNet: residual convolutions, attention within a frame, and the order of the levels."""

from collections.abc import Iterator
from itertools import count
from typing import cast

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import KeyValue, TransformerBlock
from .conditions import BlockContext
from .config import DenoiserConfig
from .cpu_layers import added
from .layers import LayerFactory
from .temporal import TemporalTransformer


class TemporalConvolutions(nn.Module):
    """Four temporal convolutions (kernel (3, 1, 1)) with a residual connection around them."""

    def __init__(self, layers: LayerFactory, channels: int, config: DenoiserConfig) -> None:
        super().__init__()
        for index in range(1, 5):
            norm = layers.group_norm(config.norm_groups, channels)
            convolution = layers.conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
            dropout = [] if index == 1 else [nn.Dropout(config.dropout)]
            self.add_module(f"conv{index}", nn.Sequential(norm, nn.SiLU(), *dropout, convolution))

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, f, h, w) to the same shape."""
        hidden = x
        for convolution in self.children():
            hidden = convolution(hidden)
        return added(x, hidden, into=hidden)


class ResidualBlock(nn.Module):
    """Two spatial convolutions with the timestep embedding added between, then temporal convolutions.

    Args:
        layers: Creates the layers.
        inputs: Channels of the input.
        outputs: Channels of the output.
        config: Sizes of the denoiser.
        temporal: Whether it has temporal convolutions.

    """

    def __init__(
        self,
        layers: LayerFactory,
        inputs: int,
        outputs: int,
        config: DenoiserConfig,
        *,
        temporal: bool = True,
    ) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            layers.group_norm(config.norm_groups, inputs),
            nn.SiLU(),
            layers.conv2d(inputs, outputs, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), layers.linear(config.time_dim, outputs))
        self.out_layers = nn.Sequential(
            layers.group_norm(config.norm_groups, outputs),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            layers.conv2d(outputs, outputs, 3, padding=1),
        )
        self.skip_connection = nn.Identity() if inputs == outputs else layers.conv2d(inputs, outputs, 1)
        # The misspelt name is that of the official checkpoint.
        self.temopral_conv = TemporalConvolutions(layers, outputs, config) if temporal else None

    def forward(self, x: Tensor, step: BlockContext) -> Tensor:
        """Map (b*f, inputs, h, w) to (b*f, outputs, h, w)."""
        time = self.emb_layers(step.time).repeat_interleave(step.frames, dim=0)
        hidden = self.in_layers(x)
        hidden = self.out_layers(added(hidden, time[:, :, None, None], into=hidden))
        hidden = added(self.skip_connection(x), hidden, into=hidden)
        if self.temopral_conv is None:
            return hidden
        hidden = self.temopral_conv(rearrange(hidden, "(b f) c h w -> b c f h w", f=step.frames))
        return rearrange(hidden, "b c f h w -> (b f) c h w")


class Downsample(nn.Module):
    """Halves height and width with a convolution of stride 2."""

    def __init__(self, layers: LayerFactory, channels: int) -> None:
        super().__init__()
        self.op = layers.conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, _step: BlockContext) -> Tensor:
        """Map (b*f, c, h, w) to (b*f, c, h/2, w/2)."""
        return self.op(x)


class Upsample(nn.Module):
    """Doubles height and width with nearest-neighbour upsampling and a convolution."""

    def __init__(self, layers: LayerFactory, channels: int) -> None:
        super().__init__()
        self.conv = layers.conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, _step: BlockContext) -> Tensor:
        """Map (b*f, c, h, w) to (b*f, c, 2h, 2w)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class MotionAttention(nn.Module):
    """Spatial transformer with cross-attention to the IPI tokens of each frame (paper, section 3.2)."""

    def __init__(self, layers: LayerFactory, channels: int, config: DenoiserConfig, tokens_dim: int) -> None:
        super().__init__()
        heads = channels // config.head_dim
        self.norm_p = layers.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in_p = layers.linear(channels, channels)
        block = TransformerBlock(layers, channels, heads, config.head_dim, context_dim=tokens_dim)
        self.transformer_blocks_p = nn.ModuleList([block])
        self.proj_out_p = layers.linear(channels, channels)

    def keys_values(self, tokens: Tensor) -> KeyValue:
        """Project IPI tokens (b*(f+1), tokens, width) to keys and values."""
        return cast(TransformerBlock, self.transformer_blocks_p[0]).attn2.keys_values(tokens)

    def forward(self, x: Tensor, motion: KeyValue) -> Tensor:
        """Map (b*f, c, h, w) to a residual of the same shape."""
        tokens = rearrange(self.norm_p(x), "n c h w -> n (h w) c")
        tokens = self.transformer_blocks_p[0](self.proj_in_p(tokens), motion)
        return rearrange(self.proj_out_p(tokens), "n (h w) c -> n c h w", h=x.shape[2])


class SpatialTransformer(nn.Module):
    """Self-attention within a frame, cross-attention to text and image tokens, and motion attention.

    Args:
        layers: Creates the layers.
        channels: Width of the input.
        config: Sizes of the denoiser.
        index: Entry of the conditions' cached keys and values that belongs to this layer.

    """

    def __init__(self, layers: LayerFactory, channels: int, config: DenoiserConfig, index: int) -> None:
        super().__init__()
        heads = channels // config.head_dim
        self.index = index
        self.parallel = config.motion_attention == "parallel"
        self.motion_scale = config.motion_scale
        self.reference_keys = config.reference_keys
        self.norm = layers.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in = layers.linear(channels, channels)
        block = TransformerBlock(layers, channels, heads, config.head_dim, context_dim=config.context_dim)
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = layers.linear(channels, channels)
        self.pose_attention = (
            None if config.ipi is None else MotionAttention(layers, channels, config, config.ipi.width)
        )

    def keys_values(self, context: Tensor) -> KeyValue:
        """Project a context (b, tokens, context_dim) to keys and values."""
        return cast(TransformerBlock, self.transformer_blocks[0]).attn2.keys_values(context)

    def forward(self, x: Tensor, step: BlockContext) -> Tensor:
        """Map (b*f, c, h, w) to the same shape."""
        sequences = step.frames if self.reference_keys else None
        attended = self._attend(x, step.conditions.context[self.index], sequences)
        attended = added(attended, x, into=attended)
        if self.pose_attention is None:
            return attended
        source = x if self.parallel else attended
        motion = self.pose_attention(source, step.conditions.motion[self.index])
        scaled = motion if self.motion_scale == 1 else self.motion_scale * motion
        return added(attended, scaled, into=attended)

    def _attend(self, x: Tensor, context: KeyValue, sequences: int | None) -> Tensor:
        tokens = rearrange(self.norm(x), "n c h w -> n (h w) c")
        tokens = self.transformer_blocks[0](self.proj_in(tokens), context, sequences)
        return rearrange(self.proj_out(tokens), "n (h w) c -> n c h w", h=x.shape[2])


class Stem(nn.ModuleList):
    """The first convolution and, if the finest level has temporal layers, a temporal transformer."""

    def __init__(self, layers: LayerFactory, config: DenoiserConfig) -> None:
        super().__init__([layers.conv2d(config.stem_channels, config.channels, 3, padding=1)])
        if config.has_temporal_layers(0):
            self.append(TemporalTransformer(layers, config.channels, config.stem_heads, config))

    def forward(self, x: Tensor, step: BlockContext) -> Tensor:
        """Map (b*f, stem_channels, h, w) to (b*f, channels, h, w)."""
        convolution, *temporal = self
        hidden = convolution(x)
        return temporal[0](hidden, step) if temporal else hidden


class Block(nn.ModuleList):
    """Layers that run in sequence on (b*f, c, h, w) with a shared `BlockContext`."""

    def forward(self, x: Tensor, step: BlockContext) -> Tensor:
        """Map (b*f, c, h, w) to the output of the last layer."""
        for layer in self:
            x = layer(x, step)
        return x


class LevelBuilder:
    """Builds the blocks in forward order and tracks the widths of the skip connections."""

    def __init__(self, layers: LayerFactory, config: DenoiserConfig) -> None:
        self.layers, self.config = layers, config
        self.indices = count()
        self.skips: list[int] = []

    def down(self) -> Iterator[nn.Module]:
        """Yield the blocks of the encoder. The output of each one is a skip connection."""
        config, channels = self.config, self.config.channels
        yield self._skip(Stem(self.layers, config), channels)
        for level, width in enumerate(config.widths):
            for _ in range(config.residual_blocks):
                yield self._skip(Block(self._residual(channels, level)), width)
                channels = width
            if level < len(config.widths) - 1:
                yield self._skip(Downsample(self.layers, width), width)

    def middle(self) -> nn.Module:
        """Return the block between encoder and decoder, which always has attention."""
        level, width = len(self.config.widths) - 1, self.config.widths[-1]
        first, last = (self._convolutions(width, level) for _ in range(2))
        return Block([first, *self._attention(level), last])

    def up(self) -> Iterator[nn.Module]:
        """Yield the blocks of the decoder. Each one concatenates the last remaining skip connection."""
        config, channels = self.config, self.config.widths[-1]
        for level, width in reversed(list(enumerate(config.widths))):
            for position in range(config.residual_blocks + 1):
                modules = self._residual(channels + self.skips.pop(), level)
                if level and position == config.residual_blocks:
                    modules.append(Upsample(self.layers, width))
                yield Block(modules)
                channels = width

    def _skip(self, block: nn.Module, width: int) -> nn.Module:
        self.skips.append(width)
        return block

    def _residual(self, inputs: int, level: int) -> list[nn.Module]:
        attention = self._attention(level) if level in self.config.attention_levels else []
        return [self._convolutions(inputs, level), *attention]

    def _convolutions(self, inputs: int, level: int) -> ResidualBlock:
        config = self.config
        temporal = config.has_temporal_layers(level)
        return ResidualBlock(self.layers, inputs, config.widths[level], config, temporal=temporal)

    def _attention(self, level: int) -> list[nn.Module]:
        config, channels = self.config, self.config.widths[level]
        spatial = SpatialTransformer(self.layers, channels, config, next(self.indices))
        if not config.has_temporal_layers(level):
            return [spatial]
        return [spatial, TemporalTransformer(self.layers, channels, channels // config.head_dim, config)]
