"""Training of the patch autoencoder: one level on 8 x 8 patches that preserves faces."""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import load_strictly
from ...encoders.autoencoder import LATENT_SCALE, AutoencoderConfig, autoencoder_metadata, network_on_meta
from ...pose.keypoints import BODY_POINTS, JOINT
from ..synthetic.triples import Scene, draw_scene
from .fit import FitSettings, fit
from .initialization import Components, init_linear_projection

SIZES = ((128, 192), (128, 192), (192, 288))  # sizes of the images that crops are taken from, in turn
CROP = 96
CROPS_PER_IMAGE = 4
FACES = 0.4  # share of crops around the face
EDGE_WEIGHT = 0.3  # weight of the differences of neighbouring pixels, without which edges blur
NOISE = 0.05  # maximum noise level in training; the latents have a standard deviation of 1
IMAGES = 256  # number of images from which the components are computed

PATCH_AUTOENCODER = AutoencoderConfig(channels=(192,), blocks=1, latent_channels=64, norm_groups=3, patch=8)
SETTINGS = FitSettings(
    steps=4000, batch_size=8, learning_rate=1e-3, warm_up=100, weight_decay=0.0, decay=0.999, workers=0,
    keep_every=300,
)  # fmt: skip


def improve_decoder(path: Path, report: Callable[[str], None], settings: FitSettings = SETTINGS) -> None:
    """Train the decoder of an autoencoder file further, and write it to the file if it became better.

    The encoder stays as it is, so that a denoiser can be trained at the same time. An interrupted training
    resumes from a file beside it.

    Args:
        path: File of the patch autoencoder.
        report: Called with progress messages.
        settings: Settings of the training.

    """
    network = read_patch_autoencoder(path)
    before = held_out_psnr(network, PATCH_AUTOENCODER.patch)
    trained = train_patch_decoder(network, report, path.with_suffix(".state"), settings=settings)
    after = held_out_psnr(trained, PATCH_AUTOENCODER.patch)
    report(f"decoder: {after:.2f} dB on held-out images, {before:.2f} dB before training")
    if after > before:
        write_patch_autoencoder(path, trained)


def read_patch_autoencoder(path: Path) -> nn.Module:
    """Read a patch autoencoder for training, in float32."""
    tensors = {name: tensor.float().clone() for name, tensor in open_tensors(path).items()}
    network = network_on_meta(PATCH_AUTOENCODER)
    return load_strictly(network, tensors, "the autoencoder", str(path)).requires_grad_(True)


def write_patch_autoencoder(path: Path, network: nn.Module) -> None:
    """Write a patch autoencoder."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    metadata = autoencoder_metadata(PATCH_AUTOENCODER)
    write_safetensors(path, tensor_layout(tensors), tensors.items(), metadata)


def train_patch_decoder(
    network: nn.Module,
    report: Callable[[str], None],
    kept: Path | None = None,
    config: AutoencoderConfig = PATCH_AUTOENCODER,
    settings: FitSettings = SETTINGS,
) -> nn.Module:
    """Train the decoder of a linear autoencoder. The encoder is frozen, so that existing latents stay valid.

    Args:
        network: The linear autoencoder.
        report: Called with progress messages.
        kept: File of the saved state, from which an interrupted training resumes.
        config: Configuration of the autoencoder.
        settings: Settings of the training.

    Returns:
        A copy of the whole autoencoder with the trained decoder.

    """
    for name in ("encoder", "quant_conv"):
        network.get_submodule(name).requires_grad_(False)
    loss = partial(reconstruction_loss, config.patch)
    return fit(network, partial(crop, CROP), loss, settings, report, kept)


def linear_autoencoder(config: AutoencoderConfig, images: int = IMAGES) -> nn.Module:
    """Return an autoencoder that projects patches onto the principal components of `images` images."""
    torch.manual_seed(0)
    network: Any = network_on_meta(config).to_empty(device="cpu")
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    crops = (crop(CROP, CROPS_PER_IMAGE * number) for number in range(images))
    patches = [F.pixel_unshuffle(image[None], config.patch) for image in crops]
    columns = torch.cat(patches).permute(0, 2, 3, 1).flatten(0, 2)
    init_linear_projection(network, config, Components.of(columns, config.latent_channels))
    return network


def crop(side: int, number: int) -> Tensor:
    """Generate a crop around a joint, (3, side, side) in -1..1; CROPS_PER_IMAGE share an image."""
    rng = np.random.default_rng([12, side, number])
    scene = _cached_scene(number // CROPS_PER_IMAGE)
    _, height, width, _ = scene.frames.shape
    joint = JOINT["nose"] if rng.random() < FACES else int(rng.integers(BODY_POINTS))
    corner = scene.poses.body[0, joint, :2] * (width, height) - side / 2 + rng.normal(0, side / 5, 2)
    left, top = np.clip(corner, 0, (width - side, height - side)).astype(int)
    return image_to_tensor(scene.frames[0, top : top + side, left : left + side])


def draw_image(number: int, *, held_out: bool = False) -> np.ndarray:
    """Generate an image of 128 x 192 pixels, (h, w, 3) uint8."""
    return _scene(len(SIZES) * number, held_out=held_out).frames[0]


def image_to_tensor(image: np.ndarray) -> Tensor:
    """Convert an image (h, w, 3) uint8 to (3, h, w) in -1..1."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 127.5 - 1


def _scene(number: int, *, held_out: bool = False) -> Scene:
    width, height = SIZES[number % len(SIZES)]
    return draw_scene(np.random.default_rng([13, int(held_out), number]), 1, width, height, held_out=held_out)


_cached_scene = lru_cache(maxsize=2)(_scene)


def reconstruction_loss(patch: int, network: Any, images: Tensor) -> Tensor:
    """Squared error of images (n, 3, h, w) and their edges, decoded from slightly noisy latents."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            latents = network.encode(F.pixel_unshuffle(images, patch)).latent_dist.mean
        strength = NOISE / LATENT_SCALE * torch.rand(len(images), 1, 1, 1)
        noisy = latents + strength * torch.randn_like(latents)
        decoded = F.pixel_shuffle(network.decode(noisy).sample.float(), patch)
    edges = sum((decoded - images).diff(dim=axis).square().mean() for axis in (2, 3))
    return F.mse_loss(decoded, images) + EDGE_WEIGHT * edges


@torch.no_grad()
def held_out_psnr(network: Any, patch: int, images: int = 24) -> float:
    """Return the mean PSNR in dB of held-out images of 128 x 192 pixels."""
    psnr = []
    for number in range(images):
        true = image_to_tensor(draw_image(number, held_out=True))[None]
        latents = network.encode(F.pixel_unshuffle(true, patch)).latent_dist.mean
        decoded = F.pixel_shuffle(network.decode(latents).sample, patch).clamp(-1, 1)
        psnr.append(float(-10 * torch.log10(F.mse_loss(decoded, true) / 4)))
    return float(np.mean(psnr))
