"""The patch autoencoder: principal components of 8 x 8 patches, which preserve faces and need no training."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...encoders.autoencoder import AutoencoderConfig, autoencoder_metadata, network_on_meta
from ...pose.keypoints import BODY_POINTS, JOINT
from ..synthetic.triples import Scene, draw_scene
from .initialization import Components, init_linear_projection

SIZES = ((128, 192), (128, 192), (192, 288))  # sizes of the images that crops are taken from, in turn
CROP = 96
CROPS_PER_IMAGE = 4
FACES = 0.4  # share of crops around the face
IMAGES = 256  # number of images from which the components are computed

# ComfyUI builds its normalisation with 32 groups first, so the width has to be a multiple of 32.
PATCH_AUTOENCODER = AutoencoderConfig(channels=(256,), blocks=1, latent_channels=124, norm_groups=4, patch=8)


def write_patch_autoencoder(
    path: Path, network: nn.Module, config: AutoencoderConfig = PATCH_AUTOENCODER
) -> None:
    """Write a patch autoencoder of the given sizes."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    metadata = autoencoder_metadata(config)
    write_safetensors(path, tensor_layout(tensors), tensors.items(), metadata)


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
