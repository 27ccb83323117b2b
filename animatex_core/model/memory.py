"""How much memory one call of the denoiser takes beside its weights."""

import torch

from animatex_core.model.config import DenoiserConfig
from animatex_core.shapes import ClipShape

# Values that are alive at once at the peak, per latent pixel of every frame in the network and per channel
# of the finest level: the skips of the way down, a joined input, and the working set of one attention
# layer. Measured by `benchmarks/frames.py`.
_VALUES_PER_CHANNEL = 24


def activation_bytes(config: DenoiserConfig, shape: ClipShape, dtype: torch.dtype, clips: int = 1) -> int:
    """Estimate the peak of the activations in bytes; it grows linearly with frames, area and clips.

    clips: 2 when the conditional and the unconditional pass run as one batch.
    """
    height, width = shape.latent_size
    pixels = clips * (shape.frames + 1) * height * width
    return pixels * config.channels * _VALUES_PER_CHANNEL * dtype.itemsize
