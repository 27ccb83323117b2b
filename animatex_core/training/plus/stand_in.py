"""What stands for Wan's encoders where clips are made up: simple maps that nobody trained.

They keep what the two tasks are about, colours and places of the frames and words of the text, and no more.
Nothing can be decoded from these latents.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor

from ...plus.shape import FRAMES_A_LATENT, PIXELS_A_LATENT

CHANNELS = 16
GAIN = 2.0  # makes latents about as large as noise
TOKENS_A_SIDE = 4
_DETAIL = PIXELS_A_LATENT // 2


@dataclass(frozen=True)
class StandIn:
    """`ClipEncoders` of these widths.

    text_dim: of a token; image_dim: of a feature of the picture; clip_dim: of a driving frame.
    """

    text_dim: int = 64
    image_dim: int = 64
    clip_dim: int = 64

    @property
    def image_tokens(self) -> int:
        """Features of a picture: one of the whole and one of each of its parts."""
        return 1 + TOKENS_A_SIDE**2

    def latents(self, video: Tensor) -> Tensor:
        """Map a video (3, 4n + 1, height, width) in -1..1 to (16, n + 1, height / 8, width / 8).

        Of each group of four frames the colours, and where in a cell their mean is light; the first frame is
        a group of its own, so that, as in Wan's autoencoder, no latent knows of later frames.
        """
        first, rest = video[:, :1], video[:, 1:]
        groups = torch.cat([repeat(first, "c 1 h w -> c t h w", t=FRAMES_A_LATENT), rest], dim=1)
        groups = rearrange(groups, "c (n t) h w -> n (c t) h w", t=FRAMES_A_LATENT)
        colors = F.avg_pool2d(groups, PIXELS_A_LATENT)
        light = F.avg_pool2d(groups.mean(1, keepdim=True), _DETAIL)
        detail = rearrange(light, "n 1 (h y) (w x) -> n (y x) h w", y=2, x=2)
        return GAIN * torch.cat([colors, detail], dim=1).swapaxes(0, 1)

    def image(self, picture: Tensor) -> Tensor:
        """Map a picture (3, height, width) in -1..1 to (image_tokens, image_dim): colours of its parts."""
        parts = F.adaptive_avg_pool2d(picture, 2 * TOKENS_A_SIDE)
        parts = rearrange(parts, "c (h y) (w x) -> (h w) (c y x)", y=2, x=2)
        whole = parts.mean(0, keepdim=True)
        return torch.cat([whole, parts]) @ _spread("image", parts.shape[1], self.image_dim)

    def frames(self, frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
        """Map frames (height, width, 3) uint8 to (f, clip_dim)."""
        small = F.adaptive_avg_pool2d(video_of(frames).swapaxes(0, 1), TOKENS_A_SIDE).flatten(1)
        return small @ _spread("frames", small.shape[1], self.clip_dim)

    def text(self, caption: str) -> Tensor:
        """Map a text to a vector for each of its words, and one that ends it: (words + 1, text_dim)."""
        return torch.cat([_spread(word, 1, self.text_dim) for word in [*caption.split(), "</s>"]])


def video_of(frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
    """Return (3, f, height, width) in -1..1 of frames (height, width, 3) uint8."""
    return torch.from_numpy(np.stack(list(frames))).permute(3, 0, 1, 2).float() / 127.5 - 1


def _spread(name: str, inputs: int, outputs: int) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return torch.randn(inputs, outputs, generator=torch.Generator().manual_seed(seed)) * inputs**-0.5
