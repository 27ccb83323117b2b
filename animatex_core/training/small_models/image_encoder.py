"""Training of the small image encoder: an OpenCLIP vision tower that encodes appearance and pose.

Unlike CLIP it is not trained on captions: the attributes that the embedding must contain are known exactly.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...assets import ASSETS
from ...encoders.preprocessing import clip_images, resize
from ...pose.keypoints import MODEL_JOINTS
from ..synthetic.look import Look
from ..synthetic.triples import draw_scene
from .autoencoder import HEIGHT, WIDTH
from .fit import FitSettings, fit

CONFIG = ASSETS / "training" / "image_encoder.json"
SETTINGS = FitSettings(steps=1500, batch_size=32, learning_rate=1.5e-3, weight_decay=0.05)
THUMBNAIL = 12, 8  # rows and columns
COLORED = ("trunk", "skin", "arms", "legs", "hands", "shoes")
JOINTS = 2 * MODEL_JOINTS
JOINT_WEIGHT = 20.0
BLOCKS = 4  # per side of a patch; the initial weights see the mean colours of the blocks
WAVES = 3.0  # standard deviation of the frequencies of the positional embedding, in radians per image


class ImageAttributes(nn.Module):
    """The vision tower with a training head that predicts joints, colours and a thumbnail.

    Args:
        tower: The vision tower.
        width: Width of its embedding.

    """

    def __init__(self, tower: nn.Module, width: int) -> None:
        super().__init__()
        self.tower = tower
        attributes = JOINTS + 3 * len(COLORED) + 3 * THUMBNAIL[0] * THUMBNAIL[1]
        self.head = nn.Sequential(nn.Linear(width, 256), nn.GELU(), nn.Linear(256, attributes))

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, 224, 224) -> attributes (n, a)."""
        return self.head(self.tower(images))


def train_image_encoder(
    report: Callable[[str], None], settings: FitSettings = SETTINGS, images: int = 256
) -> nn.Module:
    """Train the vision tower.

    Args:
        report: Called with progress messages.
        settings: Settings of the training.
        images: Number of images over which the embeddings are normalised.

    Returns:
        The tower; its embeddings have a standard deviation of about 1.

    """
    torch.manual_seed(1)
    config = image_encoder_config()
    network = ImageAttributes(_tower(config), config["embed_dim"])
    trained = fit(network, sample, attribute_loss, settings, report)
    assert isinstance(trained, ImageAttributes)
    normalize_embeddings(trained, images)
    return trained.tower


def image_encoder_config() -> dict[str, Any]:
    """Return the configuration of the tower in OpenCLIP's format."""
    config: dict[str, Any] = json.loads(CONFIG.read_text(encoding="utf-8"))
    return config


def sample(number: int, *, held_out: bool = False) -> tuple[Tensor, Tensor]:
    """Generate an image (3, 224, 224) for the tower and its attributes (a,)."""
    rng = np.random.default_rng([9, int(held_out), number])
    scene = draw_scene(rng, 1, WIDTH, HEIGHT, held_out=held_out)
    frame, joints = scene.frames[0], scene.poses.keypoints().reshape(-1)
    thumbnail = resize(frame, THUMBNAIL[1], THUMBNAIL[0]).reshape(-1) / 255
    attributes = np.concatenate([joints, _colors(scene.look), thumbnail]).astype(np.float32)
    return clip_images([frame])[0], torch.from_numpy(attributes)


def attribute_loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of the predicted attributes, without joints that a character lacks."""
    images, attributes = batch
    predicted = network(images)
    present = attributes[:, :JOINTS] >= 0
    joints = ((predicted[:, :JOINTS] - attributes[:, :JOINTS]).square() * present).sum() / present.sum()
    return JOINT_WEIGHT * joints + F.mse_loss(predicted[:, JOINTS:], attributes[:, JOINTS:])


@torch.no_grad()
def normalize_embeddings(network: ImageAttributes, images: int) -> None:
    """Scale the output projection so that embeddings of `images` images have standard deviation 1."""
    batch = torch.stack([sample(number)[0] for number in range(images)])
    tower: Any = network.tower
    tower.proj /= network.tower(batch).std(0)


@torch.no_grad()
def init_block_patches(tower: nn.Module) -> None:
    """Initialise a tower with block colours and Fourier position features (Tancik et al. 2020, equation 5).

    With this initialisation a few hundred steps suffice to locate joints. With OpenCLIP's own, the noise of
    single pixels hides the position of a patch.
    """
    patches, positions, first = (
        tower.get_parameter(name) for name in ("conv1.weight", "positional_embedding", "class_embedding")
    )
    width, side, rows = len(patches), patches.shape[-1] // BLOCKS, math.isqrt(len(positions) - 1)
    blocks = torch.randn(width, 3, BLOCKS, BLOCKS) / (3 * BLOCKS**2) ** 0.5
    patches.copy_(blocks.repeat_interleave(side, 2).repeat_interleave(side, 3) / side**2)
    centers = (torch.arange(rows) + 0.5) / rows
    phases = torch.cartesian_prod(centers, centers) @ (WAVES * torch.randn(2, width // 2))
    positions[1:] = torch.cat([phases.sin(), phases.cos()], dim=1)
    positions[0] = 0
    first.normal_()


def _tower(config: dict[str, Any]) -> nn.Module:
    import open_clip

    tower: nn.Module = open_clip.CustomTextCLIP(**config).visual
    init_block_patches(tower)
    return tower


def _colors(look: Look) -> np.ndarray:
    return np.concatenate([getattr(look, name) for name in COLORED]) / 255
