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
from .landmarks import BINS_PER_PIXEL, HEIGHT, POINTS, WIDTH

CELL = 32  # pixels of the pose net's picture that become one place


class SmallDetector(nn.Module):
    """As YOLOX: pictures (n, 3, 640, 640) of 0..255 -> (n, 8400, 85), where all classes but people are 0."""

    def __init__(self, widths: Sequence[int] = (16, 32, 64)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], STRIDES[0], stride=STRIDES[0])
        smaller = (_halving(narrow, wide) for narrow, wide in pairwise(widths))
        self.stages = nn.ModuleList([_mixing(widths[0]), *smaller])
        self.heads = nn.ModuleList(nn.Conv2d(width, PERSON + 1, 1) for width in widths)

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        """Return one output, whose rows are the cells of strides 8, 16 and 32."""
        values, rows = self.stem(pictures / 255), []
        for stage, head in zip(self.stages, self.heads, strict=True):
            values = stage(values)
            rows.append(head(values).flatten(2).mT)
        cells = torch.cat(rows, dim=1)
        people = torch.cat([cells[..., :OBJECTNESS], cells[..., OBJECTNESS:].sigmoid()], dim=2)
        return (F.pad(people, (0, COLUMNS - people.shape[2])),)


class SmallLandmarks(nn.Module):
    """As RTMPose: normalised pictures (n, 3, 384, 288) -> SimCC (n, 133, 576) and (n, 133, 768)."""

    def __init__(self, widths: Sequence[int] = (24, 48, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.body = nn.Sequential(
            nn.Conv2d(3, first, CELL // 4, stride=CELL // 4), _mixing(first), _halving(first, second),
            _halving(second, third), nn.Conv2d(third, POINTS, 1),
        )  # fmt: skip
        cells = WIDTH // CELL * HEIGHT // CELL
        self.columns = nn.Linear(cells, WIDTH * BINS_PER_PIXEL)
        self.rows = nn.Linear(cells, HEIGHT * BINS_PER_PIXEL)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bins of x and of y."""
        places = self.body(pictures).flatten(2)
        return self.columns(places), self.rows(places)


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


def _mixing(width: int) -> nn.Module:
    spatial = nn.Conv2d(width, width, 5, padding=2, groups=width)
    return nn.Sequential(nn.ReLU(), spatial, nn.Conv2d(width, width, 1), nn.ReLU())


def _halving(narrow: int, wide: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(narrow, wide, 2, stride=2), _mixing(wide))
