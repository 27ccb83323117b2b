"""What the rest of the library asks of an encoder; a host may bring its own."""

from typing import Protocol

import torch
from torch import Tensor


class ImageEncoder(Protocol):
    """CLIP vision tower with its projection."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (n, 3, 224, 224) from `preprocess.clip_pictures` -> (n, 1024), not scaled to length 1."""


class LatentEncoder(Protocol):
    """First half of the autoencoder."""

    def encode(self, pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(n, 3, h, w) in -1..1 -> latents (n, 4, h/8, w/8), times 0.18215.

        Without a generator the mean of the posterior, with one a sample of it.
        """


class LatentDecoder(Protocol):
    """Second half of the autoencoder."""

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (n, 4, h, w) from the denoiser -> pictures (n, 3, 8h, 8w) around -1..1, not clipped."""


class LatentCodec(LatentEncoder, LatentDecoder, Protocol):
    """The whole autoencoder."""


class TextContext(Protocol):
    """CLIP text tower, of which only the empty text is ever asked."""

    def empty_text(self) -> Tensor:
        """(1, 77, 1024): the penultimate block's output for "" after the final layer norm."""
