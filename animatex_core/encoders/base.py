"""Protocols of the encoders, and running a model over a long video a few frames at a time."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..utils.devices import reraise_oom


class ImageEncoder(Protocol):
    """CLIP vision model with its projection."""

    def encode(self, images: Tensor, /) -> Tensor:
        """Embed images (n, 3, 224, 224) from `preprocessing.clip_pictures`: (n, 1024), not normalised."""


class LatentEncoder(Protocol):
    """Encoder of the autoencoder."""

    def encode(self, images: Tensor, /, generator: torch.Generator | None = None) -> Tensor:
        """Encode images (n, 3, h, w) in -1..1 to latents (n, 4, h/8, w/8), scaled by 0.18215.

        Args:
            images: Images to encode.
            generator: Samples the posterior; None returns its mean.

        """


class LatentDecoder(Protocol):
    """Decoder of the autoencoder."""

    def decode(self, latents: Tensor) -> Tensor:
        """Decode scaled latents (n, 4, h, w) to images (n, 3, 8h, 8w) of about -1..1, not clamped."""


class LatentCodec(LatentEncoder, LatentDecoder, Protocol):
    """The whole autoencoder."""


class TextContext(Protocol):
    """CLIP text model. Animate-X only uses the empty prompt."""

    def empty_text(self) -> Tensor:
        """Return (1, 77, 1024): the penultimate block's output for "" after the final layer norm."""


def batched_apply(function: Callable[[Tensor], Tensor], batch: Tensor, size: int, like: Tensor) -> Tensor:
    """Apply a function to a batch a few items at a time.

    Only the current chunk is moved to the device and dtype of `like`, so memory there does not grow with n.

    Args:
        function: Maps (size, ...) to (size, ...).
        batch: (n, ...) in floating point, n at least 1.
        size: Items per call, at least 1.
        like: A tensor with the device and dtype that the function needs, such as a weight.

    Returns:
        The results (n, ...), on the device and in the dtype of `batch`.

    Raises:
        InvalidInput: The batch is empty or the size below 1.
        OutOfMemory: A chunk does not fit into memory.

    """
    if not len(batch) or size < 1:
        raise InvalidInput(
            f"There are {len(batch)} frames in chunks of {size}, but both must be at least 1: pass at least "
            "one frame and a batch size of 1 or more."
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
