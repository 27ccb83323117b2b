"""From clean latents to frames."""

import numpy as np
from einops import rearrange
from torch import Tensor

from ..encoders.base import LatentCodec
from ..utils.progress import Progress, with_progress


def decode_frames(autoencoder: LatentCodec, latents: Tensor, progress: Progress) -> np.ndarray:
    """Decode latents frame by frame.

    Args:
        autoencoder: Decodes them.
        latents: (1, c, f, h, w).
        progress: Called with the frames done and their number; may raise to cancel.

    Returns:
        (f, height, width, 3) uint8 in RGB.

    """
    frames = rearrange(latents, "1 c f h w -> f c h w")
    decoded = (to_bytes(autoencoder.decode(latent[None])[0]) for latent in frames)
    return np.stack(list(with_progress(decoded, len(frames), progress)))


def to_bytes(image: Tensor) -> np.ndarray:
    """(3, h, w) around -1..1 -> (h, w, 3) uint8, rounded down as in the official code."""
    unit = (image.float() * 0.5 + 0.5).clamp(0, 1)
    whole = (unit * 255).byte()  # on the device, because bytes are moved faster than floats
    return rearrange(whole, "c h w -> h w c").cpu().numpy()
