"""Protocols of the encoders, and encoding a long video a few frames at a time."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..utils.devices import reraise_oom


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


def batched_apply(function: Callable[[Tensor], Tensor], batch: Tensor, size: int, like: Tensor) -> Tensor:
    """Apply `function` to `size` items of `batch` (n, ...) at a time: (n, ...) of its results.

    Only the chunk at work is given the device and dtype of `like`, so that memory there does not grow
    with n; the result has the device and dtype of `batch`, wherever that lies.
    """
    if not len(batch) or size < 1:
        raise InvalidInput(
            f"{len(batch)} frames in chunks of {size} were asked for, but both must be at least 1: "
            f"pass a frame and a batch size of 1 or more."
        )
    assert batch.is_floating_point()
    result = None
    for start in range(0, len(batch), size):
        with reraise_oom(f"{size} frames at a time do not fit into memory: lower the encoder's batch size."):
            part = function(batch[start : start + size].to(like))
        if result is None:
            result = batch.new_empty(len(batch), *part.shape[1:])
        result[start : start + size] = part
    assert result is not None
    return result
