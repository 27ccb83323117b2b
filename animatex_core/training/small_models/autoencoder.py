"""The small autoencoder: Stable Diffusion's form, trained on crops of cartoons."""

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
PARTS = 4
SCENES = 1_000_000  # of which the crops of one size are
EDGES = 1.0  # weight of the differences between neighbours, without which edges blur
NOISE = 0.5  # deviation, where that of the latents is about 1
DIVERGENCE = 1e-6  # weight of the KL divergence, as Stable Diffusion's


@dataclass(frozen=True)
class Phase:
    """Training on square crops of so many pixels.

    A network of convolutions learns fastest from small parts, but its normalisation and attention must have
    seen large ones in the end.
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
    pictures: int = 64,
) -> nn.Module:
    """Train the small autoencoder.

    Its scaled latents have a mean of 0 over so many pictures, and a deviation of 1 in the channel that
    matters most.
    """
    torch.manual_seed(0)
    network: Any = network_on_meta(SMALL_AUTOENCODER).to_empty(device="cpu")
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    init_color_passthrough(network)
    for phase in phases:
        network = fit(network, partial(crop, phase.crop), reconstruction_loss, phase.settings, report)
    standardize(network, pictures)
    balance(network, pictures)
    return train_to_clean(network, report, cleaning)


def train_to_clean(network: nn.Module, report: Callable[[str], None], phase: Phase) -> nn.Module:
    """Train the decoder alone on noisy latents, so that it cleans up what a small denoiser leaves."""
    network.get_submodule("encoder").requires_grad_(False)
    network.get_submodule("quant_conv").requires_grad_(False)
    return fit(network, partial(crop, phase.crop), cleaning_loss, phase.settings, report)


def picture(number: int, *, held_out: bool = False) -> np.ndarray:
    """Make up one picture of somebody: (height, width, 3) uint8."""
    return _scene(number, held_out=held_out).frames[0]


def crop(side: int, number: int) -> Tensor:
    """Make up a part of a picture about a joint: (3, side, side) in -1..1; four parts are of one picture."""
    rng = np.random.default_rng([8, side, number])
    scene = _scene_of(side * SCENES + number // PARTS)
    place = scene.poses.body[0, rng.integers(BODY_POINTS), :2] * (WIDTH, HEIGHT)
    corner = place - side / 2 + rng.normal(0, side / 4, 2)
    left, top = np.clip(corner, 0, (WIDTH - side, HEIGHT - side)).astype(int)
    part = scene.frames[0, top : top + side, left : left + side]
    return torch.from_numpy(part.copy()).permute(2, 0, 1).float() / 127.5 - 1


def _scene(number: int, *, held_out: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([7, int(held_out), number]), 1, WIDTH, HEIGHT, held_out=held_out)


_scene_of = lru_cache(maxsize=2)(_scene)


def reconstruction_loss(network: Any, pictures: Tensor) -> Tensor:
    """Absolute error of pictures and of their edges, and a little KL divergence."""
    posterior = network.encode(pictures).latent_dist
    found = network.decode(posterior.sample()).sample
    return _difference(found, pictures) + DIVERGENCE * posterior.kl().mean()


def cleaning_loss(network: Any, pictures: Tensor) -> Tensor:
    """As `reconstruction_loss`, from latents with noise of up to NOISE."""
    with torch.no_grad():
        latents = network.encode(pictures).latent_dist.mean
    strength = NOISE / LATENT_SCALE * torch.rand(len(pictures), 1, 1, 1)
    found = network.decode(latents + strength * torch.randn_like(latents)).sample
    return _difference(found, pictures)


def _difference(found: Tensor, pictures: Tensor) -> Tensor:
    error = F.l1_loss(found, pictures)
    edges = sum(F.l1_loss(found.diff(dim=axis), pictures.diff(dim=axis)) for axis in (2, 3))
    return error + EDGES * edges


def standardize(network: Any, pictures: int) -> None:
    """Give every channel of the latents a mean of 0 and a deviation of 1; what is decoded stays the same."""
    latents = _latents(network, pictures)
    _rescale(network, latents.mean((0, 2, 3)), latents.std((0, 2, 3)) * LATENT_SCALE)


@torch.no_grad()
def balance(network: Any, pictures: int) -> None:
    """Shrink channels until the same noise on each changes what is decoded by as much.

    Noise drowns first what is small. A channel of fine detail that is as large as those of colours is
    settled as early as they are, when there is nothing yet that it could be a detail of, and half of the
    denoiser's error comes from it.
    """
    latents = _latents(network, pictures)
    noise, clean = torch.randn_like(latents) * NOISE / LATENT_SCALE, _decoded(network, latents)
    costs = []
    for channel in range(latents.shape[1]):
        noisy = latents.clone()
        noisy[:, channel] += noise[:, channel]
        costs.append((_decoded(network, noisy) - clean).square().mean())
    weights = (torch.stack(costs) / max(costs)).sqrt()
    _rescale(network, torch.zeros_like(weights), 1 / weights)


@torch.no_grad()
def _latents(network: Any, pictures: int) -> Tensor:
    batch = torch.stack([torch.from_numpy(picture(n).copy()).permute(2, 0, 1) for n in range(pictures)])
    return torch.cat([network.encode(part.float() / 127.5 - 1).latent_dist.mean for part in batch.split(8)])


@torch.no_grad()
def _decoded(network: Any, latents: Tensor) -> Tensor:
    return torch.cat([network.decode(part).sample for part in latents.split(8)])


@torch.no_grad()
def _rescale(network: Any, mean: Tensor, spread: Tensor) -> None:
    """Move a shift and a scale (c,) of the latents into the layers beside them."""
    into, out = network.quant_conv, network.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= spread[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / spread
    into.bias[channels:] -= 2 * spread.log()
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(1)
    out.weight *= spread[None, :, None, None]
