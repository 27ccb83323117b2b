"""The image cut into layers, one for each part, and the background behind them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from .fill import fill_along_rows, fill_smoothly, grown, shrunk
from .outline import figure_mask
from .regions import ARMS, LEGS, Region, regions_of, tensor
from .rig import Rig
from .skeleton import SIDES, Joints

HALO = 2  # edges around the figure whose pixels it may have coloured
CONTRAST = 0.14  # difference of colours from which alpha can be told
FAINT = 0.1  # alpha below it is none
AGREED = 0.15  # difference of colours on both sides of a gap that is bridged as a straight line


def background_behind(picture: Tensor, figure: Tensor, edge: int) -> Tensor:
    """Fill the place of the figure (1, 1, h, w) from the rest of a picture (1, 3, h, w).

    Where both sides of a row or a column agree, the line goes on between them; elsewhere it gets smooth.
    edge: width of the figure's edge in pixels.
    """
    known = 1 - grown(figure, HALO * edge)
    smooth = fill_smoothly(picture, known)
    total, weights = 0.1 * smooth, torch.full_like(known, 0.1)
    for turned in (False, True):
        source, there = (each.mT if turned else each for each in (picture, known))
        line, difference, span = fill_along_rows(source, there)
        weight = torch.exp(-((difference / AGREED) ** 2)) * (8 / span.clamp(min=8))
        line, weight = (each.mT if turned else each for each in (line, weight))
        total, weights = total + weight * line, weights + weight
    return torch.where(known > 0, picture, total / weights)


def matte(picture: Tensor, figure: Tensor, background: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """Return alpha (1, 1, h, w) and the figure's own colours (1, 3, h, w).

    At the figure's edge, `edge` pixels wide, a pixel is a mixture. Over the same background the figure gives
    the picture again.
    """
    inside = fill_smoothly(picture, shrunk(figure, edge))
    contrast, own = (
        each.square().sum(1, keepdim=True).sqrt() for each in (inside - background, picture - background)
    )
    at_edge = (grown(figure, edge) > 0) & (shrunk(figure, edge) == 0)
    # Lengths, not a projection: a dark outline around a light figure is the figure's too.
    part = (own / contrast.clamp(min=CONTRAST)).clamp(max=1)
    alpha = torch.where(at_edge & (contrast > CONTRAST), part, figure)
    alpha = torch.where(alpha > FAINT, alpha, 0)
    colors = (picture - (1 - alpha) * background) / alpha.clamp(min=FAINT)
    return alpha, torch.where(alpha > 0, colors.clamp(0, 1), inside)


# From the back to the front.
ORDER = (
    *(f"{side}_{part}" for side in SIDES for part in LEGS),
    "torso",
    "head",
    *(f"{side}_{part}" for side in SIDES for part in ARMS),
)


HIDDEN, SEEN = 0.7, 0.75  # shares of a limb that are seen: less calls for the other side's, if more is seen
FINE = 160  # pixels of a figure whose edge is a pixel wide
MARGIN = 0.15  # statures around the picture in which limbs are completed that it cuts off


@dataclass(frozen=True, eq=False)
class Layer:
    """One part of the figure.

    pixels: (4, h, w), colours times alpha and alpha, in a box of the reference from left and top. source: the
    part that they show: for limbs that are hardly seen the other side's, which is mirrored.
    """

    part: str
    source: str
    pixels: Tensor
    left: int
    top: int

    @property
    def mirrored(self) -> bool:
        """Whether it shows the other side's part."""
        return self.part != self.source


@dataclass(frozen=True, eq=False)
class CutOut:
    """layers: from the back to the front. background: (3, h, w) without the figure."""

    layers: list[Layer]
    background: Tensor


def margin_of(joints: Joints) -> int:
    """Return the margin in pixels in which limbs are completed that the reference cuts off."""
    return round(MARGIN * joints.stature)


def cut(picture: np.ndarray, joints: Joints, rig: Rig, mask: np.ndarray | None) -> CutOut:
    """Cut a picture into parts.

    Args:
        picture: (h, w, 3) uint8.
        joints: In that picture.
        rig: Its bones, whose reference is the picture with a margin of `margin_of`.
        mask: (h, w) of 0..1; None estimates it.

    """
    pixels = torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
    figure = figure_mask(pixels, joints) if mask is None else tensor(mask > 0.5)
    edge = max(1, round(joints.stature / FINE))
    background = background_behind(pixels, figure, edge)
    if mask is None:
        figure = (matte(pixels, figure, background, edge)[0] > 0.5).float()
    alpha, colors = matte(pixels, figure, background, edge)
    margins = [margin_of(joints)] * 4
    wide, extended = (pad(each, margins, mode="replicate") for each in (pixels, figure))
    visible = pad(torch.ones_like(figure), margins)[0, 0].numpy() > 0
    regions = regions_of(
        wide[0].permute(1, 2, 0).numpy(), extended[0, 0].numpy() > 0, visible, rig, joints.stature
    )
    alpha, colors = pad(alpha, margins), pad(colors, margins)
    layers = [
        _layer(part, _source(part, regions), regions, colors, alpha) for part in ORDER if part in regions
    ]
    return CutOut(layers, background[0])


def _source(part: str, regions: dict[str, Region]) -> str:
    side, _, name = part.partition("_")
    other = f"{'left' if side == 'right' else 'right'}_{name}"
    if other in regions and regions[part].seen < HIDDEN and regions[other].seen > SEEN:
        return other
    return part


def _layer(part: str, source: str, regions: dict[str, Region], colors: Tensor, alpha: Tensor) -> Layer:
    region = regions[source]
    rows, columns = np.flatnonzero(region.whole.any(axis=1)), np.flatnonzero(region.whole.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    own, whole = (tensor(each[top:bottom, left:right]) for each in (region.own, region.whole))
    shown = fill_smoothly(colors[..., top:bottom, left:right], own)
    opacity = torch.where(own > 0, alpha[..., top:bottom, left:right], whole)
    return Layer(part, source, torch.cat([shown * opacity, opacity], 1)[0], int(left), int(top))
