"""How near an animation of a synthetic character comes to the true one, and what it has to beat."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...assets import ASSETS
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import load_strictly
from ...encoders.autoencoder import SMALL_AUTOENCODER, network_on_meta
from ...pose.keypoints import PoseSequence, seen
from ..synthetic.render import render
from ..synthetic.triples import Scene, Triple

WEIGHTS = ASSETS / "synthetic" / "perceptual.safetensors"


@cache
def perceptual_encoder() -> Any:
    """Return the first convolution and the levels of that encoder, in float32."""
    whole: Any = network_on_meta(SMALL_AUTOENCODER).encoder
    layers = torch.nn.Module()
    layers.conv_in, layers.down_blocks = whole.conv_in, whole.down_blocks
    tensors = {name: tensor.float() for name, tensor in open_tensors(WEIGHTS).items()}
    return load_strictly(layers, tensors, "the perceptual features", str(WEIGHTS)).eval()


MOVING = 0.08  # of the range of a colour: pixels that are this far from their mean over time move
BINS = 8  # of each colour in a histogram
NEAR = 0.05  # of the body's height, standing, with its head


def similarity(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM, each a mean over the frames (f, h, w, 3) uint8."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    # In doubles, since SSIM takes small differences of large sums where a picture is plain.
    pictures = _units(found).double(), _units(true).double()
    pairs = list(zip(*pictures, strict=True))
    psnr = [float(peak_signal_noise_ratio(a[None], b[None], data_range=1.0)) for a, b in pairs]
    ssim = structural_similarity_index_measure(*pictures, data_range=1.0)
    assert isinstance(ssim, Tensor)
    return float(np.mean(psnr)), float(ssim)


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    """PSNR in dB, a mean over the frames (f, h, w, 3) uint8: that of `similarity`, without its SSIM."""
    errors = ((found / 255.0 - true / 255.0) ** 2).mean(axis=(1, 2, 3))
    return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-10))))


def moving_pixels(true: np.ndarray) -> np.ndarray:
    """Where a clip moves: (f, h, w) bool."""
    pictures = true / 255
    return np.abs(pictures - pictures.mean(axis=0)).mean(axis=3) > MOVING


def moving_psnr(found: np.ndarray, true: np.ndarray) -> float:
    """PSNR in dB over the pixels that move in the true clip."""
    error = ((found / 255.0 - true / 255.0) ** 2)[moving_pixels(true)]
    return float(-10 * np.log10(max(error.mean(), 1e-10)))


@torch.no_grad()
def perceptual_distance(encoder: Any, found: np.ndarray, true: np.ndarray) -> float:
    """Distance between the features of both clips at every level of an autoencoder's encoder.

    Of the form of LPIPS (Zhang et al. 2018): features of length 1 at every place, squared differences,
    averaged over places and levels; 0 for equal pictures, at most 4.
    """
    levels = zip(_levels(encoder, found), _levels(encoder, true), strict=True)
    return float(np.mean([float((a - b).square().sum(1).mean()) for a, b in levels]))


def color_overlap(found: np.ndarray, true: np.ndarray, mask: np.ndarray) -> float:
    """Part of the colours of masked pixels (f, h, w) that two clips share: 1 for equal histograms."""
    return float(np.minimum(_histogram(found[mask]), _histogram(true[mask])).sum())


def joint_distances(found: PoseSequence, scene: Scene) -> np.ndarray:
    """(f, 20): how far the body's joints are found from the true ones, in parts of the body's height."""
    true = scene.poses
    away = (found.body[..., :2] - true.body[..., :2]) * [true.width, true.height]
    return np.linalg.norm(away, axis=-1) / scene.body_height


def joints_near(found: PoseSequence, scene: Scene) -> tuple[float, float]:
    """Part of a scene's joints that are found within NEAR, and the mean distance of those found.

    Distances are in parts of the body's height.
    """
    distance, there = joint_distances(found, scene), seen(scene.poses.body)
    both = there & seen(found.body)
    near = float((both & (distance < NEAR)).sum() / there.sum())
    return near, float(distance[both].mean()) if both.any() else float("nan")


def _levels(encoder: Any, frames: np.ndarray) -> Sequence[Tensor]:
    hidden = encoder.conv_in(_units(frames) * 2 - 1)
    levels = []
    for block in encoder.down_blocks:
        hidden = block(hidden)
        levels.append(nn.functional.normalize(hidden, dim=1))
    return levels


def _histogram(colors: np.ndarray) -> np.ndarray:
    counts, _ = np.histogramdd(colors, bins=BINS, range=[(0, 256)] * 3)
    return counts / max(1.0, counts.sum())


def _units(frames: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255


def repeated(triple: Triple) -> np.ndarray:
    """The reference in every frame, (f, h, w, 3) uint8."""
    return np.repeat(triple.reference.frames, len(triple.target.frames), axis=0)


def blurred(triple: Triple) -> np.ndarray:
    """The character as in the reference, blurred over the places where it stands in the true clip."""
    scene = triple.reference
    moved = _moved(scene.poses, _places(triple.target.poses) - _places(scene.poses))
    return _mean(np.stack(list(render(scene.look, moved, scene.stature, triple.backdrop))))


def true_mean(triple: Triple) -> np.ndarray:
    """The mean of the true clip over time, which no method could know."""
    return _mean(triple.target.frames)


def smoothed(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Return frames (f, h, w, 3) uint8 blurred by a Gaussian of so many pixels."""
    reach = int(np.ceil(3 * sigma))
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    wide = F.conv2d(padded, kernel, groups=3)
    smooth = F.conv2d(wide, kernel.transpose(2, 3), groups=3)
    return smooth.round().byte().permute(0, 2, 3, 1).numpy()


def _mean(frames: np.ndarray) -> np.ndarray:
    still = np.empty_like(frames)
    still[:] = frames.mean(axis=0).round()
    return still


def _places(poses: PoseSequence) -> np.ndarray:
    """Where the body is in every frame, (f, 2): the mean of its joints, in parts of the picture."""
    shown = seen(poses.body)[..., None]
    return (poses.body[..., :2] * shown).sum(axis=1) / shown.sum(axis=1)


def _moved(poses: PoseSequence, steps: np.ndarray) -> PoseSequence:
    """The first pose, moved by each of (f, 2) steps."""
    many = poses.select([0] * len(steps))
    body = many.body.copy()
    body[..., :2] += np.where(seen(body)[..., None], steps[:, None], 0)
    return replace(many, body=body)
