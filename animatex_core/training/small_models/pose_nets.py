"""Training of the small pose models: a person detector and a pose estimator, on synthetic frames.

Frames go through the same preprocessing as at inference.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format

from ...pose.detector import OBJECTNESS, SIDE, STRIDES, letterbox, letterbox_ratio
from ...pose.estimator import HEIGHT, WIDTH, crop, region_around
from ...pose.torch_models import CELL, SmallDetector, SmallDWPose, SmallLandmarks
from .fit import FitSettings, Network, fit, fuse_batchnorm, insert_batchnorm
from .pose_samples import PoseSample, hard_shot, shot

DETECTOR = FitSettings(steps=1000, batch_size=16, learning_rate=3e-3, decay=0.99)
LANDMARKS = FitSettings(steps=7500, batch_size=16, learning_rate=2e-3, decay=0.995)
FURTHER = FitSettings(steps=2000, batch_size=16, learning_rate=6e-4, decay=0.995)
# Maximum longer side, in pixels, of a box that is assigned to the cells of strides 8, 16 and 32.
MAX_BOXES = (96, 224, SIDE)
# Standard deviation of the objectness around the centre of a box: relative to its size, and minimum in cells.
REACH, REACH_IN_CELLS = 0.12, 0.7
INITIAL_LOGIT = -5.0  # initial logit of the objectness and of heatmaps, since most cells are empty
SPREAD = 0.75  # standard deviation of a point's position, in cells of the heatmap
JITTER = 0.06  # standard deviation of the sides of a detected box, relative to its size
WHOLE_FRAME_SHARE = 0.08  # share of crops of the whole frame, which is used when no person is detected
# Body and feet, face, hands: many strongly correlated points should not outweigh the body.
WEIGHTS = torch.cat([torch.ones(23), torch.full((68,), 0.1), torch.full((42,), 0.2)])
# Arms below the shoulders, legs below the hips, and hands: what some bodies lack.
LIMB_POINTS = [*range(7, 11), *range(13, 23), *range(91, 133)]
MARGIN = 1.0  # by which the logits of limbs are lowered: an invented limb is worse than a missed one


def train_pose_nets(report: Callable[[str], None], kept: Path | None = None) -> SmallDWPose:
    """Train both models.

    Args:
        report: Called with progress messages.
        kept: Folder of the saved states, from which an interrupted training resumes.

    Returns:
        Both models.

    """
    nets = SmallDWPose()
    nets.detector = train_detector(report, kept=kept and kept / "pose_detector.state")
    nets.landmarks = train_landmarks(report, kept=kept and kept / "pose_landmarks.state")
    return nets


def train_detector(
    report: Callable[[str], None], settings: FitSettings = DETECTOR, kept: Path | None = None
) -> SmallDetector:
    """Train the person detector; arguments as for `fit`."""
    torch.manual_seed(0)
    network = SmallDetector()
    for head in network.heads:
        head.get_parameter("bias").data[OBJECTNESS] = INITIAL_LOGIT
    return _fit_with_norms(network, detector_sample, detector_loss, settings, report, kept)


def train_landmarks(
    report: Callable[[str], None], settings: FitSettings = LANDMARKS, kept: Path | None = None
) -> SmallLandmarks:
    """Train the pose estimator; arguments as for `fit`."""
    torch.manual_seed(0)
    network = SmallLandmarks()
    nn.init.constant_(network.head.get_parameter("bias"), INITIAL_LOGIT)
    return _fit_with_norms(network, landmarks_sample, landmarks_loss, settings, report, kept)


def improve_pose_nets(
    nets: SmallDWPose,
    report: Callable[[str], None],
    kept: Path | None = None,
    settings: FitSettings = FURTHER,
) -> SmallDWPose:
    """Train the pose estimator of trained models further, on hard samples; the detector stays.

    Args:
        nets: Both models.
        report: Called with progress messages.
        kept: Folder of the saved state, from which an interrupted training resumes.
        settings: Settings of the training.

    Returns:
        Both models, in copies.

    """
    improved = SmallDWPose()
    improved.load_state_dict(nets.state_dict())
    file = kept and kept / "pose_landmarks_further.state"
    improved.landmarks = improve_landmarks(improved.landmarks, report, settings, file)
    return improved


def improve_landmarks(
    network: SmallLandmarks,
    report: Callable[[str], None],
    settings: FitSettings = FURTHER,
    kept: Path | None = None,
) -> SmallLandmarks:
    """Train a trained pose estimator further in place, on hard samples; arguments as for `fit`."""
    torch.manual_seed(0)
    trained = _fit_fast(network, hard_landmarks_sample, fast_landmarks_loss, settings, report, kept)
    trained.head.get_parameter("bias").data[LIMB_POINTS] -= MARGIN
    return trained


def detector_sample(number: int) -> tuple[Tensor, Tensor]:
    """Generate an input of the detector and the box (4,) of the person in it."""
    sample = shot(number)
    box = sample.box() * letterbox_ratio(*sample.frame.shape[:2])
    return SmallDetector.see(torch.from_numpy(letterbox(sample.frame))), torch.from_numpy(box).float()


def detector_loss(network: SmallDetector, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of the objectness, plus the box distance of cells near the centres."""
    sights, boxes = batch
    cells = network.cells(sights)
    wanted, near = targets(boxes)
    objectness = F.binary_cross_entropy_with_logits(cells[..., OBJECTNESS], near, reduction="sum")
    distance = F.smooth_l1_loss(cells[..., :OBJECTNESS], wanted, beta=0.1, reduction="none").sum(2)
    return (objectness + (distance * near.sqrt()).sum()) / near.sum().clamp(min=1)


def targets(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the training targets of all cells.

    Args:
        boxes: (n, 4), left, top, right and bottom in pixels; all 0 without a person.

    Returns:
        Box parameters (n, 8400, 4) and objectness (n, 8400). The objectness falls off from 1 at the centre of
        the box, so that several cells contribute to its position.

    """
    sizes, centers = boxes[:, None, 2:] - boxes[:, None, :2], (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    longest = sizes.amax(2)
    wanted, near, least = [], [], 0
    for stride, most in zip(STRIDES, MAX_BOXES, strict=True):
        rows, columns = torch.meshgrid(*[torch.arange(SIDE // stride)] * 2, indexing="ij")
        offsets = centers / stride - torch.stack([columns, rows], dim=-1).reshape(-1, 2)
        extents = (sizes.clamp(min=1) / stride).log().expand_as(offsets)
        reach = (REACH * sizes / stride).clamp(min=REACH_IN_CELLS)
        fits = (longest > least) & (longest <= most)
        wanted.append(torch.cat([offsets, extents], dim=2))
        near.append((-0.5 * ((offsets - 0.5) / reach).square().sum(2)).exp() * fits)
        least = most
    return torch.cat(wanted, dim=1), torch.cat(near, dim=1)


def landmarks_sample(number: int) -> tuple[Tensor, Tensor]:
    """Generate an input of the pose estimator and the points (133, 3) in it, in pixels."""
    return _crop_of(shot(number), np.random.default_rng([23, number]))


def hard_landmarks_sample(number: int) -> tuple[Tensor, Tensor]:
    """Generate what `landmarks_sample` does, from a hard sample."""
    return _crop_of(hard_shot(number), np.random.default_rng([26, number]))


def _crop_of(sample: PoseSample, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    region = region_around(_detected_box(rng, sample))
    pixels = (sample.points[:, :2] - region.centre + region.size / 2) / region.size * [WIDTH, HEIGHT]
    inside = ((pixels >= 0) & (pixels < [WIDTH, HEIGHT])).all(axis=1) * sample.points[:, 2]
    points = np.concatenate([pixels, inside[:, None]], axis=1)
    return SmallLandmarks.see(torch.from_numpy(crop(sample.frame, region))), torch.from_numpy(points).float()


def _detected_box(rng: np.random.Generator, sample: PoseSample) -> np.ndarray:
    """Return a box with the errors of a detector."""
    box, (height, width) = sample.box(), sample.frame.shape[:2]
    if rng.random() < WHOLE_FRAME_SHARE or not box.any():
        return np.array([0, 0, width, height], float)
    return box + np.tile(box[2:] - box[:2], 2) * rng.normal(0, JITTER, 4)


def landmarks_loss(network: SmallLandmarks, batch: tuple[Tensor, Tensor]) -> Tensor:
    """KL divergence of the heatmaps from normal distributions around the points, or from absence."""
    sights, points = batch
    return _divergence(network.maps(sights), points)


def fast_landmarks_loss(network: SmallLandmarks, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Return `landmarks_loss` of heatmaps in bfloat16, in half the time."""
    sights, points = batch
    with torch.autocast("cpu", torch.bfloat16):
        maps = network.maps(sights)
    return _divergence(maps.float(), points)


def _divergence(maps: Tensor, points: Tensor) -> Tensor:
    x = _distribution(points[..., 0], WIDTH // CELL)
    y = _distribution(points[..., 1], HEIGHT // CELL)
    entropy = -sum((part * part.clamp(min=1e-12).log()).sum(2) for part in (x, y))
    expected = torch.einsum("npyx,npx,npy->np", maps, x, y)
    divergence = F.softplus(maps.flatten(2).logsumexp(2)) - points[..., 2] * (expected + entropy)
    return (divergence * WEIGHTS).sum() / WEIGHTS.sum() / len(points)


def _distribution(coordinates: Tensor, cells: int) -> Tensor:
    """Return a distribution over cells (n, 133, cells) for coordinates (n, 133) in pixels."""
    distance = coordinates[..., None] / CELL - 0.5 - torch.arange(cells)
    return (-0.5 * (distance / SPREAD) ** 2).softmax(2)


def _fit_with_norms(
    network: Network,
    make: Callable[[int], tuple[Tensor, Tensor]],
    loss: Callable[[Network, tuple[Tensor, Tensor]], Tensor],
    settings: FitSettings,
    report: Callable[[str], None],
    kept: Path | None,
) -> Network:
    insert_batchnorm(network)
    trained = _fit_fast(network, make, loss, settings, report, kept)
    fuse_batchnorm(trained)
    return trained


def _fit_fast(
    network: Network,
    make: Callable[[int], tuple[Tensor, Tensor]],
    loss: Callable[[Network, tuple[Tensor, Tensor]], Tensor],
    settings: FitSettings,
    report: Callable[[str], None],
    kept: Path | None,
) -> Network:
    """Fit with a memory format in which convolutions are faster."""
    convert_conv2d_weight_memory_format(network, torch.channels_last)
    trained = fit(network, make, loss, settings, report, kept)
    convert_conv2d_weight_memory_format(trained, torch.contiguous_format)
    return trained
