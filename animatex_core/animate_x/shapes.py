"""Sizes of a video in pixels and latents, and the memory that a denoiser call takes."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..utils.validation import MAX_SIZE, require_int
from .config import DenoiserConfig

if TYPE_CHECKING:  # commands check sizes before they import PyTorch
    import torch

TOKENS_AT_ONCE = 2**15  # in a feed-forward


@dataclass(frozen=True)
class ClipShape:
    """Size of a generated video.

    Args:
        width: In pixels, divisible by `multiple`.
        height: In pixels, divisible by `multiple`.
        frames: Number of generated frames, 1 or more.
        factor: Pixels per latent along one side (8 for Stable Diffusion's autoencoder).
        num_downsamples: Times that the denoiser halves its latents (3 for the official one).

    Raises:
        InvalidInput: A size is out of range or not divisible.

    """

    width: int = 512
    height: int = 768
    frames: int = 32
    factor: int = 8
    num_downsamples: int = 3

    def __post_init__(self) -> None:
        require_int("frames", self.frames)
        require_int("factor", self.factor, most=MAX_SIZE)
        require_int("num_downsamples", self.num_downsamples, least=0, most=16)
        for name, size in (("width", self.width), ("height", self.height)):
            require_int(name, size, most=MAX_SIZE)
            if size % self.multiple:
                raise InvalidInput(
                    f"{name} is {size} pixels, but it must be a multiple of {self.multiple}: "
                    f"use {self._nearest(size)}."
                )

    @property
    def multiple(self) -> int:
        """Number of pixels that width and height must be divisible by."""
        return self.factor << self.num_downsamples

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latents."""
        return self.height // self.factor, self.width // self.factor

    def latents(self, batch: int = 1, channels: int = 4) -> tuple[int, int, int, int, int]:
        """Return the shape (b, c, f, h, w) of the latents of `batch` videos."""
        return batch, channels, self.frames, *self.latent_size

    def of_aspect(self, aspect: float) -> "ClipShape":
        """Return a shape of about the same area whose width / height is nearest to `aspect`."""
        height = (self.width * self.height / aspect) ** 0.5
        return replace(self, width=self._nearest(height * aspect), height=self._nearest(height))

    def _nearest(self, size: float) -> int:
        return max(self.multiple, round(size / self.multiple) * self.multiple)


# Values in memory at the peak, per channel of the finest level and cell of its grid in every frame: the skip
# connections, a concatenated input, and the working set of a layer. `benchmarks.memory` counts 13 to 17.
_VALUES_PER_CHANNEL = 17
# The same for a chunk of tokens in a feed-forward: two times eight times its width.
_VALUES_IN_FEED_FORWARD = 16


def activation_bytes(config: DenoiserConfig, shape: ClipShape, dtype: "torch.dtype", clips: int = 1) -> int:
    """Estimate the peak memory of the activations, which is linear in frames, area and batch size.

    Args:
        config: Sizes of the denoiser.
        shape: Size of the video.
        dtype: Type of the activations.
        clips: Batch size, 2 where the conditional and the unconditional pass run as one batch.

    Returns:
        Bytes.

    """
    height, width = shape.latent_size
    pixels = clips * (shape.frames + 1) * height * width * config.grid_factor**2
    values = pixels * _VALUES_PER_CHANNEL + min(pixels, TOKENS_AT_ONCE) * _VALUES_IN_FEED_FORWARD
    return values * config.channels * dtype.itemsize
