"""The puppet (the reference image warped along the bones) as a condition of the denoiser."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..diffusion.schedule import TIMESTEPS, NoiseSchedule
from ..encoders.base import LatentEncoder
from ..encoders.preprocessing import autoencoder_images, resize, to_unit_floats
from ..errors import warn
from ..pose.keypoints import PoseSequence, seen
from ..puppet.puppet import puppet_frames
from .shapes import ClipShape

ERROR = 0.02
"""Assumed variance of the puppet's errors, relative to a variance of 1 of the video's latents.

It is smaller than their mean square. Most of a puppet is right, and its errors are few and large: a larger
value lets noise into the right parts, which many steps do not remove."""


class PuppetCondition(NamedTuple):
    """The frames of a puppet as a denoiser sees them.

    Args:
        latents: Scaled latents, (f, c, h, w).
        alpha: What the figure covers, (f, height, width) in 0..1. By it, a network that works on pixels finds
            edges that warping has blurred.

    """

    latents: Tensor
    alpha: Tensor


class PuppetEstimate(NamedTuple):
    """An estimate of v from the puppet, in float32.

    Args:
        correction: Deviation of the noisy latents from the puppet, (b, c, f, h, w), the input of the network.
        velocity: The estimate of v, of that shape.
        scale: Factor of what the network adds to it, (b, 1, 1, 1, 1).

    """

    correction: Tensor
    velocity: Tensor
    scale: Tensor


def estimate_from_puppet(x: Tensor, puppet: Tensor, timesteps: Tensor) -> PuppetEstimate:
    """Compute the best linear estimate of the clean latents from puppet and noisy latents.

    It is the posterior mean of clean latents that differ from the puppet p by normal errors of variance
    ERROR: p + g (x - alpha p) with g = ERROR alpha / (ERROR alpha^2 + sigma^2). A network that adds nothing
    to its v returns the puppet for pure noise, and nearly clean latents unchanged. Where x is pure noise g is
    0, so a network that sees the correction instead of x does not have to learn to ignore noise.

    Args:
        x: Noisy latents, (b, c, f, h, w).
        puppet: Latents of the puppet, of that shape; zeros without one.
        timesteps: (b,) in 0..999.

    Returns:
        The correction g (x - alpha p), and the v of the estimate.

    """
    x, puppet = x.float(), puppet.float()
    alpha, sigma = NoiseSchedule.released().scales(_nearest(timesteps), x)
    variance = ERROR * alpha.square() + sigma.square()
    correction = ERROR * alpha / variance * (x - alpha * puppet)
    velocity = sigma / variance * (alpha * (1 - ERROR) * x - puppet)
    return PuppetEstimate(correction, velocity, torch.ones_like(sigma))


def estimate_without_noise(x: Tensor, puppet: Tensor, timesteps: Tensor) -> PuppetEstimate:
    """Compute the v with which the clean latents are the puppet minus the network's output, at any timestep.

    For pure noise it is that of `estimate_from_puppet`, which has the same arguments. The network sees
    nothing of the noisy latents, so every step estimates the same clean latents.
    """
    schedule, t, x = NoiseSchedule.released(), _nearest(timesteps), x.float()
    _, sigma = schedule.scales(t, x)
    return PuppetEstimate(torch.zeros_like(x), schedule.v_from_x0(x, puppet.float(), t), 1 / sigma)


def _nearest(timesteps: Tensor) -> Tensor:
    """Return the training timesteps that those of a sampler, which may be fractional, are nearest to."""
    return timesteps.round().long().clamp(0, TIMESTEPS - 1)


def puppet_or_still(
    autoencoder: LatentEncoder,
    image: np.ndarray,
    own_pose: PoseSequence | None,
    poses: PoseSequence,
    shape: ClipShape,
) -> PuppetCondition:
    """Return the puppet, or with an AnimateXWarning the still image without a pose.

    The small models add little to the puppet, so without either their videos would be gray. The arguments and
    the result are those of `puppet_condition`.
    """
    puppet = puppet_condition(autoencoder, image, own_pose, poses, shape)
    if puppet is not None:
        return puppet
    warn(
        "The small models move the reference along its bones, but its pose is not known, so it stays still: "
        "give its pose (--reference-pose, or reference_pose), or place it with Edit Poses."
    )
    still = autoencoder.encode(autoencoder_images([image], shape.width, shape.height)).float()
    alpha = torch.zeros(len(poses), shape.height, shape.width)
    return PuppetCondition(still.expand(len(poses), *still.shape[1:]), alpha)


def puppet_condition(
    autoencoder: LatentEncoder,
    image: np.ndarray,
    own_pose: PoseSequence | None,
    poses: PoseSequence,
    shape: ClipShape,
) -> PuppetCondition | None:
    """Warp a reference image along the bones and encode the frames.

    Args:
        autoencoder: The one that the denoiser was trained with.
        image: The reference image, (h, w, 3) uint8 in RGB; stretched to the size of the video.
        own_pose: The pose in it, or None.
        poses: f target poses, already retargeted to the character.
        shape: Size of the video.

    Returns:
        The puppet in float32; None where no pose was detected in the image.

    """
    if own_pose is None or not seen(own_pose.points).any():
        return None
    frames, alpha = puppet_frames(resize(image, shape.width, shape.height), own_pose, poses)
    latents = autoencoder.encode(autoencoder_images(list(frames), shape.width, shape.height)).float()
    return PuppetCondition(latents, to_unit_floats(torch.from_numpy(alpha), torch.float32))
