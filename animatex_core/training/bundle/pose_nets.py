"""The small pose nets: a person detector and a pose net, trained on frames that are made up.

Frames go through the very code that prepares them for the nets in use.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format

from ...pose.detector import OBJECTNESS, SIDE, STRIDES, letterbox, letterbox_ratio
from ...pose.landmarks import HEIGHT, WIDTH, crop, region_of
from ...pose.small_nets import CELL, SmallDetector, SmallLandmarks
from .fit import FitSettings, Network, fit
from .folding import fold_norms, insert_norms
from .pose_samples import Shot, shot

DETECTOR = FitSettings(steps=1000, batch_size=16, learning_rate=3e-3, decay=0.99)
LANDMARKS = FitSettings(steps=4000, batch_size=16, learning_rate=2e-3, decay=0.995)
LARGEST = (96, 224, SIDE)  # pixels of a box's longer side that is found by the cells of strides 8, 16 and 32
REACH, REACH_IN_CELLS = (
    0.12,
    0.7,
)  # deviation of objectness about a box's middle, in parts of its size; at least
FAINT = 0.2  # objectness of cells whose boxes do not matter
RARE = -5.0  # logit of an objectness or of a map at the start: most cells show nobody
SPREAD = 0.75  # deviation of a point's place, in cells of the map
JITTER = 0.06  # deviation of a detected box's sides, in parts of its size
WHOLE = 0.08  # share of crops around the whole frame, as where nobody was detected
# Body and feet, face, hands: hundred points that hang together shall not outweigh twenty.
WEIGHTS = torch.cat([torch.ones(23), torch.full((68,), 0.1), torch.full((42,), 0.2)])


def train_detector(
    report: Callable[[str], None], settings: FitSettings = DETECTOR, start: SmallDetector | None = None
) -> SmallDetector:
    """Train the person detector, from `start` on."""
    torch.manual_seed(0)
    network = SmallDetector() if start is None else start
    if start is None:
        for head in network.heads:
            head.get_parameter("bias").data[OBJECTNESS] = RARE
    return _fit_with_norms(network, detector_sample, detector_loss, settings, report)


def train_landmarks(
    report: Callable[[str], None], settings: FitSettings = LANDMARKS, start: SmallLandmarks | None = None
) -> SmallLandmarks:
    """Train the pose net, from `start` on."""
    torch.manual_seed(0)
    network = SmallLandmarks() if start is None else start
    if start is None:
        nn.init.constant_(network.head.get_parameter("bias"), RARE)
    return _fit_with_norms(network, landmarks_sample, landmarks_loss, settings, report)


def detector_sample(number: int) -> tuple[Tensor, Tensor]:
    """Make up a picture (3, 640, 640) of the detector and the box (4,) in it."""
    made = shot(number)
    box = made.box() * letterbox_ratio(*made.frame.shape[:2])
    return torch.from_numpy(letterbox(made.frame)), torch.from_numpy(box).float()


def detector_loss(network: SmallDetector, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy of the objectness, and the distance of the boxes of cells that shall find them."""
    pictures, boxes = batch
    cells = network.cells(pictures)
    wanted, near = targets(boxes)
    weight = near * (near > FAINT)
    objectness = F.binary_cross_entropy_with_logits(cells[..., OBJECTNESS], near, reduction="sum")
    distance = F.smooth_l1_loss(cells[..., :OBJECTNESS], wanted, beta=0.1, reduction="none").sum(2) * weight
    return (objectness + 2 * distance.sum()) / near.sum().clamp(min=1)


def targets(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return what cells shall say of boxes (n, 4): (n, 8400, 4), and their objectness (n, 8400).

    Objectness falls from 1 in the middle of the box, so that the cells around it tell where that is.
    """
    sizes, middles = boxes[:, None, 2:] - boxes[:, None, :2], (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    longest = sizes.amax(2)
    wanted, near, least = [], [], 0
    for stride, most in zip(STRIDES, LARGEST, strict=True):
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
    """Make up a picture (3, 384, 288) of the pose net and the points (133, 3) in it, in its pixels."""
    made, rng = shot(number), np.random.default_rng([23, number])
    region = region_of(_detected(rng, made))
    places = (made.points[:, :2] - region.centre + region.size / 2) / region.size * [WIDTH, HEIGHT]
    inside = ((places >= 0) & (places < [WIDTH, HEIGHT])).all(axis=1) * made.points[:, 2]
    points = np.concatenate([places, inside[:, None]], axis=1)
    return torch.from_numpy(crop(made.frame, region)), torch.from_numpy(points).float()


def _detected(rng: np.random.Generator, made: Shot) -> np.ndarray:
    """Return the box that a detector might have found."""
    box, (height, width) = made.box(), made.frame.shape[:2]
    if rng.random() < WHOLE or not box.any():
        return np.array([0, 0, width, height], float)
    return box + np.tile(box[2:] - box[:2], 2) * rng.normal(0, JITTER, 4)


def landmarks_loss(network: SmallLandmarks, batch: tuple[Tensor, Tensor]) -> Tensor:
    """KL divergence of the maps from normal distributions about the points, or from being nowhere."""
    pictures, points = batch
    maps = network.maps(pictures)
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
) -> Network:
    insert_norms(network)
    convert_conv2d_weight_memory_format(network, torch.channels_last)  # in which training is faster
    trained = fit(network, make, loss, settings, report)
    fold_norms(trained)
    convert_conv2d_weight_memory_format(trained, torch.contiguous_format)
    return trained
