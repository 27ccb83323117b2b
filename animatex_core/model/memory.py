"""How much memory one call of the denoiser takes beside its weights."""

import torch

from ..shapes import ClipShape
from .config import DenoiserConfig
from .layers import TOKENS_AT_ONCE

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
