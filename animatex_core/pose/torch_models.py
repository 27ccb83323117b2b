"""Small PyTorch versions of DWPose's two models, for machines without their files or onnxruntime.

Inputs and outputs have the same shapes and meaning as those of the real models.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .detector import COLUMNS, OBJECTNESS, PERSON, STRIDES
from .estimator import BINS_PER_PIXEL, HEIGHT, POINTS, WIDTH

CELL = 16  # input pixels per cell of the pose model's heatmaps
MERGED, HALF = 4, 2  # downsampling of the inputs of detector and pose model: cartoons have no finer detail


class SmallDetector(nn.Module):
    """Small counterpart of YOLOX: images (n, 3, 640, 640) of 0..255 -> (n, 8400, 85).

    It knows a single class: people score 1 and all others 0, and objectness is the confidence.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96), blocks: Sequence[int] = (2, 2, 3)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], STRIDES[0] // MERGED, stride=STRIDES[0] // MERGED)
        pairs = list(pairwise(widths))
        self.smaller = nn.ModuleList(
            _halving(*pair, count) for pair, count in zip(pairs, blocks, strict=True)
        )
        self.grown = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, stride=2) for narrow, wide in pairs)
        self.heads = nn.ModuleList(nn.Conv2d(width, PERSON, 1) for width in widths[:-1])

    @staticmethod
    def see(images: Tensor) -> Tensor:
        """Downsample and normalize images: (n, 3, 160, 160) of about -1..1."""
        return F.avg_pool2d(images, MERGED) / 127.5 - 1

    def cells(self, sights: Tensor) -> Tensor:
        """Return (n, 8400, 5): boxes and objectness logits of the cells of strides 8, 16 and 32."""
        levels = [F.relu(self.stem(sights))]
        for halving in self.smaller:
            levels.append(halving(levels[-1]))
        values, rows = levels.pop(), []
        for level, grown, head in zip(levels[::-1], self.grown[::-1], self.heads[::-1], strict=True):
            values = F.relu(level + grown(values))
            rows.append(head(values).flatten(2).mT)
        return torch.cat(rows[::-1], dim=1)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return one output with a row per cell."""
        cells = self.cells(self.see(images))
        people = torch.cat([cells[..., :OBJECTNESS], cells[..., OBJECTNESS:].sigmoid()], dim=2)
        return (F.pad(F.pad(people, (0, 1), value=1), (0, COLUMNS - PERSON - 1)),)


class SmallLandmarks(nn.Module):
    """Small counterpart of RTMPose: normalized images (n, 3, 384, 288) -> SimCC (n, 133, 576), (n, 133, 768).

    The maximum over a point's bins is the probability that the image shows it.
    """

    across: Tensor
    down: Tensor

    def __init__(self, widths: Sequence[int] = (48, 80, 112), blocks: Sequence[int] = (1, 2, 3)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = nn.Conv2d(3, fine, CELL // 2 // HALF, stride=CELL // 2 // HALF)
        self.fine = nn.Sequential(nn.ReLU(), _blocks(fine, blocks[0]))
        self.middle = _halving(fine, middle, blocks[1])
        self.coarse = _halving(middle, coarse, blocks[2])
        self.grown = nn.ConvTranspose2d(coarse, middle, 2, stride=2)
        self.joined = _blocks(middle, 1)
        self.head = nn.Conv2d(middle, POINTS, 1)
        self.register_buffer("across", _bins(WIDTH // CELL, CELL * BINS_PER_PIXEL), persistent=False)
        self.register_buffer("down", _bins(HEIGHT // CELL, CELL * BINS_PER_PIXEL), persistent=False)

    @staticmethod
    def see(images: Tensor) -> Tensor:
        """Downsample images to (n, 3, 192, 144)."""
        return F.avg_pool2d(images, HALF)

    def maps(self, sights: Tensor) -> Tensor:
        """Return heatmap logits (n, 133, 24, 18), where 0 stands for a point that is not visible."""
        values = self.middle(self.fine(self.stem(sights)))
        return self.head(self.joined(F.relu(values + self.grown(self.coarse(values)))))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bins of x and of y.

        Both axes are weighted by the same heatmap, so that a point with two candidate positions never gets
        the x of one and the y of the other.
        """
        maps = self.maps(self.see(images))
        score = maps.flatten(2).logsumexp(2, keepdim=True).sigmoid()
        bins = maps.amax(2) @ self.across, maps.amax(3) @ self.down
        x, y = (score * (logits - logits.amax(2, keepdim=True)).exp() for logits in bins)
        return x, y


class SmallDWPose(nn.Module):
    """Both models in one state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.detector, self.landmarks = SmallDetector(), SmallLandmarks()


class TorchModel:
    """`PoseNet` of a module that returns a tuple of tensors; it runs on the CPU."""

    takes_batches = True
    provider = "CPU"

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval().requires_grad_(False)

    @torch.inference_mode()
    def run(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PoseNet`."""
        return [output.numpy() for output in self._module(torch.from_numpy(np.stack(images)))]


class Block(nn.Module):
    """A residual convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, values: Tensor) -> Tensor:
        """(n, width, h, w) -> the same."""
        return F.relu(values + self.conv(values))


def _blocks(width: int, count: int) -> nn.Module:
    return nn.Sequential(*(Block(width) for _ in range(count)))


def _halving(narrow: int, wide: int, count: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(narrow, wide, 2, stride=2), nn.ReLU(), _blocks(wide, count))


def _bins(cells: int, bins_per_cell: int) -> Tensor:
    """Return (cells, bins): Catmull-Rom weights that interpolate cell centres at bin positions.

    The logits of a normal distribution are a parabola, whose maximum a cubic preserves. The border is
    replicated.
    """
    places = np.arange(cells * bins_per_cell) / bins_per_cell - 0.5
    first = np.floor(places).astype(int)
    t = places - first
    weights = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (t**3 - t**2) / 2,
    )
    matrix = np.zeros((cells, len(places)), np.float32)
    for offset, weight in enumerate(weights, start=-1):
        np.add.at(matrix, (np.clip(first + offset, 0, cells - 1), np.arange(len(places))), weight)
    return torch.from_numpy(matrix)
