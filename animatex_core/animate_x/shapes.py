"""How pixels, latents and frames relate, and the memory that a call of the denoiser takes."""

from dataclasses import dataclass, replace

import torch

from ..errors import InvalidInput
from ..utils.validation import MAX_SIZE, require_int
from .config import DenoiserConfig
from .layers import TOKENS_AT_ONCE


@dataclass(frozen=True)
class ClipShape:
    """Size of a generated clip.

    width, height: pixels, each divisible by `multiple`; frames: number of generated frames, 1 or more.
    factor: pixels per latent along one side (8 for Stable Diffusion's autoencoder).
    halvings: how often the denoiser halves its latents (3 for the released one).
    """

    width: int = 512
    height: int = 768
    frames: int = 32
    factor: int = 8
    halvings: int = 3

    def __post_init__(self) -> None:
        require_int("frames", self.frames)
        require_int("factor", self.factor, most=MAX_SIZE)
        require_int("halvings", self.halvings, least=0, most=16)
        for name, size in (("width", self.width), ("height", self.height)):
            require_int(name, size, most=MAX_SIZE)
            if size % self.multiple:
                raise InvalidInput(
                    f"{name} is {size} pixels, but it must be a multiple of {self.multiple}: "
                    f"take {self._nearest(size)}."
                )

    @property
    def multiple(self) -> int:
        """What width and height must be divisible by, in pixels."""
        return self.factor << self.halvings

    @property
    def latent_size(self) -> tuple[int, int]:
        """(height, width) of the latents."""
        return self.height // self.factor, self.width // self.factor

    def latents(self, batch: int = 1, channels: int = 4) -> tuple[int, int, int, int, int]:
        """Shape (b, c, f, h, w) of the latents of `batch` clips."""
        return batch, channels, self.frames, *self.latent_size

    def of_aspect(self, aspect: float) -> "ClipShape":
        """Return the shape of about as many pixels whose width divided by height is nearest to `aspect`."""
        height = (self.width * self.height / aspect) ** 0.5
        return replace(self, width=self._nearest(height * aspect), height=self._nearest(height))

    def _nearest(self, size: float) -> int:
        return max(self.multiple, round(size / self.multiple) * self.multiple)


# Values alive at once at the peak, per channel of the finest level and latent pixel of every frame in the
# network: the skips of the way down, a joined input, and the working set of a layer. `benchmarks.memory`
# counts 13 to 17.
_VALUES_PER_CHANNEL = 17
# The same for the tokens that a feed-forward has in hand: twice eight times its width.
_VALUES_IN_FEED_FORWARD = 16


def activation_bytes(config: DenoiserConfig, shape: ClipShape, dtype: torch.dtype, clips: int = 1) -> int:
    """Estimate the peak of the activations in bytes; it grows linearly with frames, area and clips.

    clips: 2 when the conditional and the unconditional pass run as one batch.
    """
    height, width = shape.latent_size
    pixels = clips * (shape.frames + 1) * height * width
    values = pixels * _VALUES_PER_CHANNEL + min(pixels, TOKENS_AT_ONCE) * _VALUES_IN_FEED_FORWARD
    return values * config.channels * dtype.itemsize
