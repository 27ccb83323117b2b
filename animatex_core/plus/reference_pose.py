"""The pose of the reference as a map over its latents."""

from torch import Tensor, nn

from ..model.layers import LayerFactory
from .config import PlusConfig

_STRIDES = (1, 1, 1, 2, 2, 2)


class ReferencePoseEncoder(nn.Sequential):
    """Six convolutions, SiLU between them (the released `randomref_embedding_pose`)."""

    def __init__(self, make: LayerFactory, config: PlusConfig) -> None:
        widths = [3, *[config.hidden] * (len(_STRIDES) - 1), config.reference_channels]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], _STRIDES, strict=False):
            layers += [make.conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.SiLU()]
        super().__init__(*layers[:-1])

    def forward(self, picture: Tensor) -> Tensor:
        """Encode (b, 3, height, width) in 0..1 to (b, reference_channels, height / 8, width / 8)."""
        return super().forward(picture)
