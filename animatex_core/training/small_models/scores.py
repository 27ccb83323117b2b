"""Scores of an animation of a synthetic character against the true one, and baselines."""

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
MOVING_THRESHOLD = 0.08  # minimum distance of a moving pixel from its mean over time; colours are in 0..1
BINS = 8  # of each colour in a histogram
NEAR_DISTANCE = 0.05  # in heights of the standing body, including the head


@cache
def perceptual_encoder() -> Any:
    """Load the encoder of `perceptual_distance`: the layers of the first small autoencoder's encoder."""
    whole: Any = network_on_meta(SMALL_AUTOENCODER).encoder
    layers = torch.nn.Module()
    layers.conv_in, layers.down_blocks = whole.conv_in, whole.down_blocks
    tensors = {name: tensor.float() for name, tensor in open_tensors(WEIGHTS).items()}
    return load_strictly(layers, tensors, "the perceptual features", str(WEIGHTS)).eval()


def similarity(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Return PSNR in dB and SSIM, each averaged over the frames (f, h, w, 3) uint8."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    # In float64, since in uniform areas SSIM depends on small differences of large sums.
    images = _units(found).double(), _units(true).double()
    # Frame by frame, which takes much less memory and time in float64 than the whole clip at once.
    pairs = [(a[None], b[None]) for a, b in zip(*images, strict=True)]
    psnr = [float(peak_signal_noise_ratio(a, b, data_range=1.0)) for a, b in pairs]
    return float(np.mean(psnr)), float(np.mean([_ssim(a, b) for a, b in pairs]))


def _ssim(found: Tensor, true: Tensor) -> float:
    from torchmetrics.functional.image import structural_similarity_index_measure

    ssim = structural_similarity_index_measure(found, true, data_range=1.0)
    assert isinstance(ssim, Tensor)
    return float(ssim)


def psnr(found: np.ndarray, true: np.ndarray) -> float:
    """Return PSNR in dB averaged over the frames (f, h, w, 3) uint8; faster than `similarity`."""
    errors = ((found / 255.0 - true / 255.0) ** 2).mean(axis=(1, 2, 3))
    return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-10))))


def moving_pixels(true: np.ndarray) -> np.ndarray:
    """Return which pixels of a clip (f, h, w, 3) uint8 move, (f, h, w) bool."""
    images = true / 255
    return np.abs(images - images.mean(axis=0)).mean(axis=3) > MOVING_THRESHOLD


def moving_psnr(found: np.ndarray, true: np.ndarray) -> float:
    """Return PSNR in dB over the pixels that move in the true clip; both are (f, h, w, 3) uint8."""
    error = ((found / 255.0 - true / 255.0) ** 2)[moving_pixels(true)]
    return float(-10 * np.log10(max(error.mean(), 1e-10)))


def flicker(found: np.ndarray, true: np.ndarray) -> float:
    """Return how much more than the true clip a clip changes where the true clip stays still.

    A pixel is still if it moves (see `moving_pixels`) in no frame of the true clip. The change is the mean
    absolute difference between neighbouring frames over these pixels, in levels of 0..255. The result is the
    change of the clip minus that of the true clip, where edges may still change by less than the threshold.
    A character that covers other pixels than the true one counts as flicker as well.

    Args:
        found: The clip, (f, h, w, 3) uint8.
        true: The true clip, (f, h, w, 3) uint8.

    Returns:
        0 if both change equally, and below 0 if the clip is stiller; NaN if no pixel is still, or for a
        single frame.

    """
    still = ~moving_pixels(true).any(axis=0)
    if len(true) < 2 or not still.any():
        return float("nan")
    return _change(found[:, still]) - _change(true[:, still])


def _change(pixels: np.ndarray) -> float:
    """Return the mean absolute difference between neighbouring frames of pixels (f, n, 3) uint8."""
    return float(np.abs(np.diff(pixels.astype(int), axis=0)).mean())


@torch.no_grad()
def perceptual_distance(encoder: Any, found: np.ndarray, true: np.ndarray) -> float:
    """Return the distance between the encoder features of two clips (f, h, w, 3) uint8.

    Computed like LPIPS (Zhang et al. 2018): the features of every level are normalised to length 1 at each
    position, and squared differences are averaged over positions and levels. It is 0 for equal images and at
    most 4.
    """
    levels = zip(_levels(encoder, found), _levels(encoder, true), strict=True)
    return float(np.mean([float((a - b).square().sum(1).mean()) for a, b in levels]))


def color_overlap(found: np.ndarray, true: np.ndarray, mask: np.ndarray) -> float:
    """Return the overlap of the colour histograms of masked pixels (f, h, w), 0..1."""
    return float(np.minimum(_histogram(found[mask]), _histogram(true[mask])).sum())


def joint_distances(found: PoseSequence, scene: Scene) -> np.ndarray:
    """Return the distances of the joints from the true ones, (f, 20), in body heights."""
    true = scene.poses
    offsets = (found.body[..., :2] - true.body[..., :2]) * [true.width, true.height]
    return np.linalg.norm(offsets, axis=-1) / scene.body_height


def joints_near(found: PoseSequence, scene: Scene) -> tuple[float, float]:
    """Return the share of joints found within NEAR, and the mean distance of found joints in body heights."""
    distance, present = joint_distances(found, scene), seen(scene.poses.body)
    both = present & seen(found.body)
    near = float((both & (distance < NEAR_DISTANCE)).sum() / present.sum())
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


def repeat_reference(triple: Triple) -> np.ndarray:
    """Baseline: the reference repeated in every frame, (f, h, w, 3) uint8."""
    return np.repeat(triple.reference.frames, len(triple.target.frames), axis=0)


def blur_reference(triple: Triple) -> np.ndarray:
    """Baseline: the character of the reference, averaged over its positions in the true clip."""
    scene = triple.reference
    moved = _moved(scene.poses, _centers(triple.target.poses) - _centers(scene.poses))
    return _mean(np.stack(list(render(scene.look, moved, scene.stature, triple.backdrop))))


def true_mean(triple: Triple) -> np.ndarray:
    """Baseline: the mean of the true clip over time, which no method could know."""
    return _mean(triple.target.frames)


def gaussian_blur(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Blur frames (f, h, w, 3) uint8 with a Gaussian of `sigma` pixels."""
    reach = int(np.ceil(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    padded = F.pad(images, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel, groups=3)
    smooth = F.conv2d(rows, kernel.transpose(2, 3), groups=3)
    return smooth.round().byte().permute(0, 2, 3, 1).numpy()


def _mean(frames: np.ndarray) -> np.ndarray:
    still = np.empty_like(frames)
    still[:] = frames.mean(axis=0).round()
    return still


def _centers(poses: PoseSequence) -> np.ndarray:
    """Return the mean of the joints in every frame, (f, 2) in 0..1."""
    present = seen(poses.body)[..., None]
    return (poses.body[..., :2] * present).sum(axis=1) / present.sum(axis=1)


def _moved(poses: PoseSequence, offsets: np.ndarray) -> PoseSequence:
    """Repeat the first pose, moved by each of the offsets (f, 2)."""
    frames = poses.select([0] * len(offsets))
    body = frames.body.copy()
    body[..., :2] += np.where(seen(body)[..., None], offsets[:, None], 0)
    return replace(frames, body=body)
