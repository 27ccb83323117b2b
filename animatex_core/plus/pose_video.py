"""The pose video as tokens of the transformer."""

from itertools import repeat

import torch
from torch import Tensor, nn

from ..model.layers import LayerFactory
from .config import PlusConfig

# Three more of the first frame, as released: 4n + 1 frames become 4n + 4, and those halve twice to n + 1.
REPEATS = 3
_STRIDES = ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2))


class PoseVideoEncoder(nn.Sequential):
    """Seven convolutions over space and time, SiLU between them (the released `dwpose_embedding`)."""

    def __init__(self, make: LayerFactory, config: PlusConfig) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for stride in _STRIDES:
            layers += [make.conv3d(channels, config.hidden, (3, 3, 3), stride=stride, padding=1), nn.SiLU()]
            channels = config.hidden
        super().__init__(*layers, make.conv3d(channels, config.dim, (1, 2, 2), stride=(1, 2, 2)))

    def forward(self, video: Tensor) -> Tensor:
        """Encode (b, 3, 4n + 1, height, width) in 0..1 to (b, dim, n + 1, height / 16, width / 16)."""
        first = video[:, :, :1]
        return super().forward(torch.cat([*repeat(first, REPEATS), video], dim=2))
