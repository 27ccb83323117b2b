"""The picture cut into layers, one for each part, and the background behind them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .fill import fill_smoothly
from .matte import background_behind, matte
from .outline import figure_mask, stature_of
from .regions import ARMS, LEGS, Region, regions_of, tensor
from .rig import Rig
from .skeleton import SIDES, Joints

# From the back to the front.
ORDER = (
    *(f"{side}_{part}" for side in SIDES for part in LEGS),
    "torso",
    "head",
    *(f"{side}_{part}" for side in SIDES for part in ARMS),
)


@dataclass(frozen=True, eq=False)
class Layer:
    """One part. pixels: (4, h, w), colours times alpha and alpha, in a box of the picture from left and top."""

    part: str
    pixels: Tensor
    left: int
    top: int


@dataclass(frozen=True, eq=False)
class CutOut:
    """layers: from the back to the front. background: (3, h, w) without the figure. mask: (h, w)."""

    layers: list[Layer]
    background: Tensor
    mask: Tensor


def cut(picture: np.ndarray, joints: Joints, rig: Rig, mask: np.ndarray | None) -> CutOut:
    """Cut a picture (h, w, 3) uint8 into parts. mask: (h, w) of 0..1, None to estimate it."""
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    figure = figure_mask(pixels, joints) if mask is None else tensor(mask > 0.5)
    background = background_behind(pixels, figure)
    alpha, colors = matte(pixels, figure, background)
    regions = regions_of(picture / 255, figure[0, 0].numpy() > 0, rig, stature_of(joints))
    layers = [_layer(part, regions[part], colors, alpha) for part in ORDER if part in regions]
    return CutOut(layers, background[0], figure[0, 0])


def _layer(part: str, region: Region, colors: Tensor, alpha: Tensor) -> Layer:
    rows, columns = np.flatnonzero(region.whole.any(axis=1)), np.flatnonzero(region.whole.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    own, whole = (tensor(each[top:bottom, left:right]) for each in (region.own, region.whole))
    shown = fill_smoothly(colors[..., top:bottom, left:right], own)
    opacity = torch.where(own > 0, alpha[..., top:bottom, left:right], whole)
    return Layer(part, torch.cat([shown * opacity, opacity], 1)[0], int(left), int(top))
