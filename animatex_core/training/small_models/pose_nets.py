"""The small pose nets: a person detector and a pose net, trained on frames that are made up.

Frames go through the very code that prepares them for the nets in use.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format

from ...pose.detector import OBJECTNESS, SIDE, STRIDES, letterbox, letterbox_ratio
from ...pose.estimator import HEIGHT, WIDTH, crop, region_of
from ...pose.torch_models import CELL, SmallDetector, SmallDWPose, SmallLandmarks
from .fit import FitSettings, Network, fit, fuse_batchnorm, insert_batchnorm
from .pose_samples import Shot, shot

DETECTOR = FitSettings(steps=1000, batch_size=16, learning_rate=3e-3, decay=0.99)
LANDMARKS = FitSettings(steps=7500, batch_size=16, learning_rate=2e-3, decay=0.995)
MAX_BOXES = (
    96,
    224,
    SIDE,
)  # pixels of a box's longer side that is found by the cells of strides 8, 16 and 32
# Deviation of objectness about the middle of a box: in parts of its size, and at least in cells.
REACH, REACH_IN_CELLS = 0.12, 0.7
RARE = -5.0  # logit of an objectness or of a map at the start: most cells show nobody
SPREAD = 0.75  # deviation of a point's place, in cells of the map
JITTER = 0.06  # deviation of a detected box's sides, in parts of its size
WHOLE = 0.08  # share of crops around the whole frame, as where nobody was detected
# Body and feet, face, hands: hundred points that hang together shall not outweigh twenty.
WEIGHTS = torch.cat([torch.ones(23), torch.full((68,), 0.1), torch.full((42,), 0.2)])


def train_pose_nets(report: Callable[[str], None], kept: Path | None = None) -> SmallDWPose:
    """Train both nets. kept: a folder from whose states an interrupted training goes on."""
    nets = SmallDWPose()
    nets.detector = train_detector(report, kept=kept and kept / "pose_detector.state")
    nets.landmarks = train_landmarks(report, kept=kept and kept / "pose_landmarks.state")
    return nets


def train_detector(
    report: Callable[[str], None], settings: FitSettings = DETECTOR, kept: Path | None = None
) -> SmallDetector:
    """Train the person detector, through the file `kept` as `fit` does."""
    torch.manual_seed(0)
    network = SmallDetector()
    for head in network.heads:
        head.get_parameter("bias").data[OBJECTNESS] = RARE
    return _fit_with_norms(network, detector_sample, detector_loss, settings, report, kept)


def train_landmarks(
    report: Callable[[str], None], settings: FitSettings = LANDMARKS, kept: Path | None = None
) -> SmallLandmarks:
    """Train the pose net, through the file `kept` as `fit` does."""
    torch.manual_seed(0)
    network = SmallLandmarks()
    nn.init.constant_(network.head.get_parameter("bias"), RARE)
    return _fit_with_norms(network, landmarks_sample, landmarks_loss, settings, report, kept)


def detector_sample(number: int) -> tuple[Tensor, Tensor]:
    """Make up what the detector sees of a picture, and the box (4,) in the picture."""
    made = shot(number)
    box = made.box() * letterbox_ratio(*made.frame.shape[:2])
    return SmallDetector.see(torch.from_numpy(letterbox(made.frame))), torch.from_numpy(box).float()


def detector_loss(network: SmallDetector, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of the objectness, and the distance of the boxes of cells about the middles."""
    sights, boxes = batch
    cells = network.cells(sights)
    wanted, near = targets(boxes)
    objectness = F.binary_cross_entropy_with_logits(cells[..., OBJECTNESS], near, reduction="sum")
    distance = F.smooth_l1_loss(cells[..., :OBJECTNESS], wanted, beta=0.1, reduction="none").sum(2)
    return (objectness + (distance * near.sqrt()).sum()) / near.sum().clamp(min=1)


def targets(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return what cells shall say of boxes (n, 4): (n, 8400, 4), and their objectness (n, 8400).

    Objectness falls from 1 in the middle of the box, so that the cells around it tell where that is.
    """
    sizes, middles = boxes[:, None, 2:] - boxes[:, None, :2], (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    longest = sizes.amax(2)
    wanted, near, least = [], [], 0
    for stride, most in zip(STRIDES, MAX_BOXES, strict=True):
        rows, columns = torch.meshgrid(*[torch.arange(SIDE // stride)] * 2, indexing="ij")
        places = middles / stride - torch.stack([columns, rows], dim=-1).reshape(-1, 2)
        extents = (sizes.clamp(min=1) / stride).log().expand_as(places)
        reach = (REACH * sizes / stride).clamp(min=REACH_IN_CELLS)
        fits = (longest > least) & (longest <= most)
        wanted.append(torch.cat([places, extents], dim=2))
        near.append((-0.5 * ((places - 0.5) / reach).square().sum(2)).exp() * fits)
        least = most
    return torch.cat(wanted, dim=1), torch.cat(near, dim=1)


def landmarks_sample(number: int) -> tuple[Tensor, Tensor]:
    """Make up what the pose net sees of a picture, and the points (133, 3) in the picture, in pixels."""
    made, rng = shot(number), np.random.default_rng([23, number])
    region = region_of(_detected(rng, made))
    places = (made.points[:, :2] - region.centre + region.size / 2) / region.size * [WIDTH, HEIGHT]
    inside = ((places >= 0) & (places < [WIDTH, HEIGHT])).all(axis=1) * made.points[:, 2]
    points = np.concatenate([places, inside[:, None]], axis=1)
    return SmallLandmarks.see(torch.from_numpy(crop(made.frame, region))), torch.from_numpy(points).float()


def _detected(rng: np.random.Generator, made: Shot) -> np.ndarray:
    """Return the box that a detector might have found."""
    box, (height, width) = made.box(), made.frame.shape[:2]
    if rng.random() < WHOLE or not box.any():
        return np.array([0, 0, width, height], float)
    return box + np.tile(box[2:] - box[:2], 2) * rng.normal(0, JITTER, 4)


def landmarks_loss(network: SmallLandmarks, batch: tuple[Tensor, Tensor]) -> Tensor:
    """KL divergence of the maps from normal distributions about the points, or from being nowhere."""
    sights, points = batch
    maps = network.maps(sights)
    x = _distribution(points[..., 0], WIDTH // CELL)
    y = _distribution(points[..., 1], HEIGHT // CELL)
    entropy = -sum((part * part.clamp(min=1e-12).log()).sum(2) for part in (x, y))
    expected = torch.einsum("npyx,npx,npy->np", maps, x, y)
    divergence = F.softplus(maps.flatten(2).logsumexp(2)) - points[..., 2] * (expected + entropy)
    return (divergence * WEIGHTS).sum() / WEIGHTS.sum() / len(points)


def _distribution(places: Tensor, cells: int) -> Tensor:
    """Return (n, 133, cells) for places (n, 133) in pixels."""
    distance = places[..., None] / CELL - 0.5 - torch.arange(cells)
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
    convert_conv2d_weight_memory_format(network, torch.channels_last)  # in which training is faster
    trained = fit(network, make, loss, settings, report, kept)
    fuse_batchnorm(trained)
    convert_conv2d_weight_memory_format(trained, torch.contiguous_format)
    return trained
