"""The pose video as tokens of the transformer."""

from itertools import repeat

import torch
from torch import Tensor, nn

from ..model.layers import LayerFactory
from .config import PlusConfig
from .shape import FRAMES_A_LATENT

# Three more of the first frame, as released: 4n + 1 frames become 4n + 4, and those halve twice to n + 1.
REPEATS = 3
# Convolutions at full resolution are memory-hungry, so long videos go in parts. A latent frame sees seven
# frames back and seven on: two latent frames before a part and one after it make it the same as in one go.
_LATENTS_AT_ONCE = 7
_REACH_BACK, _REACH_ON = 2, 1
FRAMES_AT_ONCE = FRAMES_A_LATENT * (_REACH_BACK + _LATENTS_AT_ONCE + _REACH_ON)
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
        frames = torch.cat([*repeat(video[:, :, :1], REPEATS), video], dim=2)
        if torch.is_grad_enabled():
            return super().forward(frames)
        latents = frames.shape[2] // FRAMES_A_LATENT
        starts = range(0, latents, _LATENTS_AT_ONCE)
        parts = [self._part(frames, start, min(start + _LATENTS_AT_ONCE, latents)) for start in starts]
        return torch.cat(parts, dim=2)

    def _part(self, frames: Tensor, start: int, stop: int) -> Tensor:
        ahead = min(start, _REACH_BACK)
        seen = frames[:, :, FRAMES_A_LATENT * (start - ahead) : FRAMES_A_LATENT * (stop + _REACH_ON)]
        return super().forward(seen)[:, :, ahead : ahead + stop - start]
