"""Training of the small autoencoder: Stable Diffusion's architecture, on crops of synthetic images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...encoders.autoencoder import LATENT_SCALE, SMALL_AUTOENCODER, network_on_meta
from ...pose.keypoints import BODY_POINTS
from ..synthetic.triples import Scene, draw_scene
from .fit import FitSettings, fit
from .initialization import init_color_passthrough

WIDTH, HEIGHT = 128, 192
CROPS_PER_IMAGE = 4
SCENES = 1_000_000  # number of scenes reserved for each crop size
EDGE_WEIGHT = 1.0  # weight of the differences of neighbouring pixels, without which edges blur
NOISE = 0.5  # maximum noise level; the latents have a standard deviation of about 1
KL_WEIGHT = 1e-6  # as in Stable Diffusion


@dataclass(frozen=True)
class Phase:
    """One phase of the training, on square crops of `crop` pixels.

    Convolutions learn fastest from small crops, but normalisation and attention also need large ones at the
    end.
    """

    crop: int
    settings: FitSettings


PHASES = (
    Phase(32, FitSettings(steps=2200, batch_size=32, learning_rate=2e-3, weight_decay=0.0)),
    Phase(64, FitSettings(steps=2400, batch_size=8, learning_rate=1e-3, weight_decay=0.0)),
    Phase(96, FitSettings(steps=600, batch_size=4, learning_rate=5e-4, weight_decay=0.0, decay=0.99)),
)
CLEANING = Phase(64, FitSettings(steps=800, batch_size=8, learning_rate=7e-4, weight_decay=0.0, decay=0.99))


def train_autoencoder(
    report: Callable[[str], None],
    phases: Sequence[Phase] = PHASES,
    cleaning: Phase = CLEANING,
    images: int = 64,
) -> nn.Module:
    """Train the small autoencoder.

    Args:
        report: Called with progress messages.
        phases: Training of the whole network.
        cleaning: Training of the decoder on noisy latents.
        images: Number of images over which the latents are normalised.

    Returns:
        A diffusers AutoencoderKL. Its scaled latents have mean 0, and standard deviation 1 in the channel
        that affects the image most.

    """
    torch.manual_seed(0)
    network: Any = network_on_meta(SMALL_AUTOENCODER).to_empty(device="cpu")
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    init_color_passthrough(network)
    for phase in phases:
        network = fit(network, partial(crop, phase.crop), reconstruction_loss, phase.settings, report)
    normalize_latents(network, images)
    balance_channels(network, images)
    return train_decoder_on_noise(network, report, cleaning)


def train_decoder_on_noise(network: nn.Module, report: Callable[[str], None], phase: Phase) -> nn.Module:
    """Train only the decoder, on noisy latents, so that it removes the residual noise of a small denoiser."""
    network.get_submodule("encoder").requires_grad_(False)
    network.get_submodule("quant_conv").requires_grad_(False)
    return fit(network, partial(crop, phase.crop), cleaning_loss, phase.settings, report)


def draw_image(number: int, *, held_out: bool = False) -> np.ndarray:
    """Generate an image of a character, (height, width, 3) uint8."""
    return _scene(number, held_out=held_out).frames[0]


def crop(side: int, number: int) -> Tensor:
    """Generate a crop around a joint, (3, side, side) in -1..1; CROPS_PER_IMAGE share an image."""
    rng = np.random.default_rng([8, side, number])
    scene = _cached_scene(side * SCENES + number // CROPS_PER_IMAGE)
    joint = scene.poses.body[0, rng.integers(BODY_POINTS), :2] * (WIDTH, HEIGHT)
    corner = joint - side / 2 + rng.normal(0, side / 4, 2)
    left, top = np.clip(corner, 0, (WIDTH - side, HEIGHT - side)).astype(int)
    pixels = scene.frames[0, top : top + side, left : left + side]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 127.5 - 1


def _scene(number: int, *, held_out: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([7, int(held_out), number]), 1, WIDTH, HEIGHT, held_out=held_out)


_cached_scene = lru_cache(maxsize=2)(_scene)


def reconstruction_loss(network: Any, images: Tensor) -> Tensor:
    """Absolute error of the images (n, 3, h, w) and their edges, plus a small KL divergence."""
    posterior = network.encode(images).latent_dist
    decoded = network.decode(posterior.sample()).sample
    return _image_error(decoded, images) + KL_WEIGHT * posterior.kl().mean()


def cleaning_loss(network: Any, images: Tensor) -> Tensor:
    """Absolute error of the images (n, 3, h, w) and their edges, decoded from latents with noise."""
    with torch.no_grad():
        latents = network.encode(images).latent_dist.mean
    strength = NOISE / LATENT_SCALE * torch.rand(len(images), 1, 1, 1)
    decoded = network.decode(latents + strength * torch.randn_like(latents)).sample
    return _image_error(decoded, images)


def _image_error(decoded: Tensor, images: Tensor) -> Tensor:
    error = F.l1_loss(decoded, images)
    edges = sum(F.l1_loss(decoded.diff(dim=axis), images.diff(dim=axis)) for axis in (2, 3))
    return error + EDGE_WEIGHT * edges


def normalize_latents(network: Any, images: int) -> None:
    """Rescale the latents to mean 0 and standard deviation 1 per channel; decoded images do not change."""
    latents = _latents(network, images)
    _rescale(network, latents.mean((0, 2, 3)), latents.std((0, 2, 3)) * LATENT_SCALE)


@torch.no_grad()
def balance_channels(network: Any, images: int) -> None:
    """Shrink channels until equal noise on each of them has an equal effect on the image.

    Diffusion determines large channels first. A channel of fine detail with the same scale as the colours
    would be determined just as early, before there is anything to add detail to, and would cause half of the
    denoiser's error.
    """
    latents = _latents(network, images)
    noise, clean = torch.randn_like(latents) * NOISE / LATENT_SCALE, _decoded(network, latents)
    costs = []
    for channel in range(latents.shape[1]):
        noisy = latents.clone()
        noisy[:, channel] += noise[:, channel]
        costs.append((_decoded(network, noisy) - clean).square().mean())
    weights = (torch.stack(costs) / max(costs)).sqrt()
    _rescale(network, torch.zeros_like(weights), 1 / weights)


@torch.no_grad()
def _latents(network: Any, images: int) -> Tensor:
    batch = torch.stack([torch.from_numpy(draw_image(n).copy()).permute(2, 0, 1) for n in range(images)])
    return torch.cat([network.encode(part.float() / 127.5 - 1).latent_dist.mean for part in batch.split(8)])


@torch.no_grad()
def _decoded(network: Any, latents: Tensor) -> Tensor:
    return torch.cat([network.decode(part).sample for part in latents.split(8)])


@torch.no_grad()
def _rescale(network: Any, mean: Tensor, spread: Tensor) -> None:
    """Fold a shift and a scale (c,) of the latents into the adjacent layers."""
    into, out = network.quant_conv, network.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= spread[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / spread
    into.bias[channels:] -= 2 * spread.log()
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(1)
    out.weight *= spread[None, :, None, None]
