"""The blocks of the UNet, level by level: down to the coarsest, the middle, and up again."""

from collections.abc import Iterator
from itertools import count

from torch import Tensor, nn

from .conditions import Step
from .config import DenoiserConfig
from .layers import LayerFactory
from .residual import Downsample, ResidualBlock, Upsample
from .spatial import SpatialTransformer
from .temporal import TemporalTransformer


class Stem(nn.ModuleList):
    """The first convolution and the first temporal transformer."""

    def __init__(self, make: LayerFactory, config: DenoiserConfig) -> None:
        convolution = make.conv2d(config.reference_channels, config.channels, 3, padding=1)
        super().__init__([convolution, TemporalTransformer(make, config.channels, config.stem_heads, config)])

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Map (b*f, reference_channels, h, w) to (b*f, channels, h, w)."""
        convolution, temporal = self
        return temporal(convolution(x), step)


class Block(nn.ModuleList):
    """Layers that run one after another on (b*f, c, h, w) and the shared step."""

    def forward(self, x: Tensor, step: Step) -> Tensor:
        for layer in self:
            x = layer(x, step)
        return x


class LevelBuilder:
    """Makes the blocks in forward order and remembers the widths that the way up has to join."""

    def __init__(self, make: LayerFactory, config: DenoiserConfig) -> None:
        self.make, self.config = make, config
        self.indices = count()
        self.skips: list[int] = []

    def down(self) -> Iterator[nn.Module]:
        """Yield the blocks of the encoder; each one's output is a skip."""
        config, channels = self.config, self.config.channels
        yield self._skip(Stem(self.make, config), channels)
        for level, width in enumerate(config.widths):
            for _ in range(config.residual_blocks):
                yield self._skip(Block(self._layers(channels, width, level)), width)
                channels = width
            if level < config.halvings:
                yield self._skip(Downsample(self.make, width), width)

    def middle(self) -> nn.Module:
        """Return the block between the encoder and the decoder, which always has attention."""
        width = self.config.widths[-1]
        first, last = (ResidualBlock(self.make, width, width, self.config) for _ in range(2))
        return Block([first, *self._attention(width), last])

    def up(self) -> Iterator[nn.Module]:
        """Yield the blocks of the decoder; each one joins the last skip that is left."""
        config, channels = self.config, self.config.widths[-1]
        for level, width in reversed(list(enumerate(config.widths))):
            for position in range(config.residual_blocks + 1):
                layers = self._layers(channels + self.skips.pop(), width, level)
                if level and position == config.residual_blocks:
                    layers.append(Upsample(self.make, width))
                yield Block(layers)
                channels = width

    def _skip(self, block: nn.Module, width: int) -> nn.Module:
        self.skips.append(width)
        return block

    def _layers(self, inputs: int, outputs: int, level: int) -> list[nn.Module]:
        attention = self._attention(outputs) if level in self.config.attention_levels else []
        return [ResidualBlock(self.make, inputs, outputs, self.config), *attention]

    def _attention(self, channels: int) -> list[nn.Module]:
        spatial = SpatialTransformer(self.make, channels, self.config, next(self.indices))
        heads = channels // self.config.head_dim
        return [spatial, TemporalTransformer(self.make, channels, heads, self.config)]
