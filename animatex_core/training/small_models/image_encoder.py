"""The small image encoder: OpenCLIP's vision tower in small, whose embedding tells who is there in what pose.

There are no captions to learn from, as CLIP does: what the embedding must tell is known exactly.
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
from ...encoders.preprocessing import clip_pictures, resize
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
BLOCKS = 4  # along a patch's side, whose mean colours the tower sees at first
WAVES = 3.0  # deviation of the frequencies of places, in radians a picture


class ImageAttributes(nn.Module):
    """The vision tower, and what is read off its embedding in training: joints, colours, a thumbnail."""

    def __init__(self, tower: nn.Module, width: int) -> None:
        super().__init__()
        self.tower = tower
        told = JOINTS + 3 * len(COLORED) + 3 * THUMBNAIL[0] * THUMBNAIL[1]
        self.reading = nn.Sequential(nn.Linear(width, 256), nn.GELU(), nn.Linear(256, told))

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, 224, 224) -> (n, what is told)."""
        return self.reading(self.tower(pictures))


def train_image_encoder(
    report: Callable[[str], None], settings: FitSettings = SETTINGS, pictures: int = 256
) -> nn.Module:
    """Train the vision tower. Its embeddings have a deviation of about 1.

    pictures: over how many.
    """
    torch.manual_seed(1)
    config = image_encoder_config()
    network = ImageAttributes(_tower(config), config["embed_dim"])
    trained = fit(network, sample, reading_loss, settings, report)
    assert isinstance(trained, ImageAttributes)
    standardize(trained, pictures)
    return trained.tower


def image_encoder_config() -> dict[str, Any]:
    """Return the tower's sizes in OpenCLIP's form."""
    config: dict[str, Any] = json.loads(CONFIG.read_text(encoding="utf-8"))
    return config


def sample(number: int, *, held_out: bool = False) -> tuple[Tensor, Tensor]:
    """Make up a picture (3, 224, 224) for the tower, and what shall be told of it."""
    rng = np.random.default_rng([9, int(held_out), number])
    scene = draw_scene(rng, 1, WIDTH, HEIGHT, held_out=held_out)
    frame, joints = scene.frames[0], scene.poses.keypoints().reshape(-1)
    thumbnail = resize(frame, THUMBNAIL[1], THUMBNAIL[0]).reshape(-1) / 255
    told = np.concatenate([joints, _colors(scene.look), thumbnail]).astype(np.float32)
    return clip_pictures([frame])[0], torch.from_numpy(told)


def reading_loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of all that is told; joints that a character has not are not asked for."""
    pictures, told = batch
    read = network(pictures)
    there = told[:, :JOINTS] >= 0
    joints = ((read[:, :JOINTS] - told[:, :JOINTS]).square() * there).sum() / there.sum()
    return JOINT_WEIGHT * joints + F.mse_loss(read[:, JOINTS:], told[:, JOINTS:])


@torch.no_grad()
def standardize(network: ImageAttributes, pictures: int) -> None:
    """Move the scale of the embeddings into the tower's last matrix."""
    batch = torch.stack([sample(number)[0] for number in range(pictures)])
    tower: Any = network.tower
    tower.proj /= network.tower(batch).std(0)


@torch.no_grad()
def look_at_places(tower: nn.Module) -> None:
    """Start a tower from mean colours of blocks, at places told by waves (Tancik et al. 2020, equation 5).

    Against OpenCLIP's own start, where noise of single pixels drowns the place of a patch, a few hundred
    steps tell where the joints are.
    """
    patches, places, first = (
        tower.get_parameter(name) for name in ("conv1.weight", "positional_embedding", "class_embedding")
    )
    width, side, rows = len(patches), patches.shape[-1] // BLOCKS, math.isqrt(len(places) - 1)
    blocks = torch.randn(width, 3, BLOCKS, BLOCKS) / (3 * BLOCKS**2) ** 0.5
    patches.copy_(blocks.repeat_interleave(side, 2).repeat_interleave(side, 3) / side**2)
    middles = (torch.arange(rows) + 0.5) / rows
    phases = torch.cartesian_prod(middles, middles) @ (WAVES * torch.randn(2, width // 2))
    places[1:] = torch.cat([phases.sin(), phases.cos()], dim=1)
    places[0] = 0
    first.normal_()


def _tower(config: dict[str, Any]) -> nn.Module:
    import open_clip

    tower: nn.Module = open_clip.CustomTextCLIP(**config).visual
    look_at_places(tower)
    return tower


def _colors(look: Look) -> np.ndarray:
    return np.concatenate([getattr(look, name) for name in COLORED]) / 255
