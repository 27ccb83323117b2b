"""The puppet as a condition of a denoiser that was trained on it."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from ..diffusion.schedule import TIMESTEPS, alphas_cumprod
from ..encoders.base import LatentEncoder
from ..encoders.preprocessing import autoencoder_pictures, resize
from ..pose.keypoints import PoseSequence, seen
from ..puppet.puppet import puppet_frames
from .shapes import ClipShape

ERROR = 0.5
"""Mean squared error of the puppet's latents, where the clip's own have a variance of 1."""


class Carried(NamedTuple):
    """Both (b, c, f, h, w) in float32. correction: what noisy latents say against the puppet. velocity: v."""

    correction: Tensor
    velocity: Tensor


def carried(x: Tensor, puppet: Tensor, timesteps: Tensor) -> Carried:
    """Estimate clean latents from the puppet and noisy latents, as well as it can be done linearly.

    The estimate is the posterior mean of clean latents that differ from the puppet p by normal errors of
    variance ERROR: p + g (x - alpha p) with g = ERROR alpha / (ERROR alpha^2 + sigma^2). A network that adds
    nothing to its v answers pure noise with the puppet, and nearly clean latents with themselves. Where x is
    noise alone g is 0: a network which sees the correction in place of x need not learn to overlook noise.

    Args:
        x: Noisy latents, (b, c, f, h, w).
        puppet: Latents of the puppet, of that shape; zeros where there is none.
        timesteps: (b,) in 0..999.

    Returns:
        The correction g (x - alpha p), and the v of the estimate.

    """
    places = timesteps.round().long().clamp(0, TIMESTEPS - 1)
    kept = alphas_cumprod().float().to(x.device)[places].view(-1, 1, 1, 1, 1)
    alpha, sigma, variance = kept.sqrt(), (1 - kept).sqrt(), ERROR * kept + 1 - kept
    x, puppet = x.float(), puppet.float()
    correction = ERROR * alpha / variance * (x - alpha * puppet)
    return Carried(correction, sigma / variance * (alpha * (1 - ERROR) * x - puppet))


def puppet_latents(
    autoencoder: LatentEncoder,
    picture: np.ndarray,
    own: PoseSequence | None,
    poses: PoseSequence,
    shape: ClipShape,
) -> Tensor | None:
    """Carry a reference picture along the bones, and encode what comes out.

    Args:
        autoencoder: The one whose latents the denoiser knows.
        picture: The reference picture, (h, w, 3) uint8 in RGB; stretched to the clip's size.
        own: The pose in it, or None.
        poses: f target poses, already retargeted to the character.
        shape: Size of the clip.

    Returns:
        (f, c, h, w), scaled latents in float32; None where nobody is seen in the picture.

    """
    if own is None or not seen(own.points).any():
        return None
    frames, _ = puppet_frames(resize(picture, shape.width, shape.height), own, poses)
    return autoencoder.encode(autoencoder_pictures(list(frames), shape.width, shape.height)).float()
