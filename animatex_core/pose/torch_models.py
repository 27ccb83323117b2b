"""DWPose's two nets in small, on torch alone: for machines that have neither their files nor onnxruntime.

They map what the real nets map, so that weights trained for them make them useful.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .detector import COLUMNS, OBJECTNESS, PERSON, STRIDES
from .estimator import BINS_PER_PIXEL, HEIGHT, POINTS, WIDTH

CELL = 16  # pixels of the pose net's picture that are one place of its maps
MERGED, HALF = 4, 2  # pixels a side of what the detector and the pose net see as one: cartoons have no more


class SmallDetector(nn.Module):
    """As YOLOX: pictures (n, 3, 640, 640) of 0..255 -> (n, 8400, 85).

    It knows but one class: that of people scores 1 and all others 0, and objectness tells where somebody is.
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
    def see(pictures: Tensor) -> Tensor:
        """Return what is left of pictures: (n, 3, 160, 160) of about -1..1."""
        return F.avg_pool2d(pictures, MERGED) / 127.5 - 1

    def cells(self, sights: Tensor) -> Tensor:
        """Return (n, 8400, 5): boxes, and the logits of objectness, of the cells of strides 8, 16 and 32."""
        levels = [F.relu(self.stem(sights))]
        for halving in self.smaller:
            levels.append(halving(levels[-1]))
        values, rows = levels.pop(), []
        for level, grown, head in zip(levels[::-1], self.grown[::-1], self.heads[::-1], strict=True):
            values = F.relu(level + grown(values))
            rows.append(head(values).flatten(2).mT)
        return torch.cat(rows[::-1], dim=1)

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        """Return one output, whose rows are the cells."""
        cells = self.cells(self.see(pictures))
        people = torch.cat([cells[..., :OBJECTNESS], cells[..., OBJECTNESS:].sigmoid()], dim=2)
        return (F.pad(F.pad(people, (0, 1), value=1), (0, COLUMNS - PERSON - 1)),)


class SmallLandmarks(nn.Module):
    """As RTMPose: normalised pictures (n, 3, 384, 288) -> SimCC (n, 133, 576) and (n, 133, 768).

    A point's largest bins are the probability that the picture shows it.
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
    def see(pictures: Tensor) -> Tensor:
        """Return what is left of pictures: (n, 3, 192, 144)."""
        return F.avg_pool2d(pictures, HALF)

    def maps(self, sights: Tensor) -> Tensor:
        """Return (n, 133, 24, 18): logits of where a point is, among which 0 stands for nowhere."""
        values = self.middle(self.fine(self.stem(sights)))
        return self.head(self.joined(F.relu(values + self.grown(self.coarse(values)))))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bins of x and of y.

        Both axes are read where the map is largest, so that a point that may be in one of two places
        never gets the x of one and the y of the other.
        """
        maps = self.maps(self.see(pictures))
        score = maps.flatten(2).logsumexp(2, keepdim=True).sigmoid()
        bins = maps.amax(2) @ self.across, maps.amax(3) @ self.down
        x, y = (score * (logits - logits.amax(2, keepdim=True)).exp() for logits in bins)
        return x, y


class SmallDWPose(nn.Module):
    """Both nets, so that one state dict holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.detector, self.landmarks = SmallDetector(), SmallLandmarks()


class TorchNet:
    """`PoseNet` of a module that returns a tuple of tensors; it works on the CPU."""

    takes_batches = True
    provider = "CPU"

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval().requires_grad_(False)

    @torch.inference_mode()
    def run(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PoseNet`."""
        return [output.numpy() for output in self._module(torch.from_numpy(np.stack(pictures)))]


class Block(nn.Module):
    """A convolution that adds to what it is given."""

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
    """Return (cells, bins): a cubic through the values in the middles of cells (Catmull-Rom), read at bins.

    Logits of a normal distribution are a parabola, whose top such a cubic keeps. At the ends the outermost
    value goes on.
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
