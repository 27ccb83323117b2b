"""Cut the image into layers, one per part."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from .backdrop import background_behind
from .fill import box_around, dilate, erode, fill_smoothly, mask_tensor
from .outline import figure_mask
from .regions import Region, segment_parts
from .rig import Rig
from .skeleton import Joints

CONTRAST = 0.14  # minimum colour difference to estimate alpha from
FAINT = 0.1  # lower alpha counts as 0
HIDDEN, SEEN = 0.7, 0.75  # a limb less visible than this is replaced by the other side's, if more is visible
FINE = 160  # pixels of a figure whose edge is one pixel wide
MARGIN = 0.15  # body heights around the image in which cropped limbs are completed
BODY = ("torso", "head")


def matte(image: Tensor, figure: Tensor, background: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """Separate the figure from the background.

    Pixels on the figure's edge are mixtures. Compositing the result on the same background restores the
    image.

    Args:
        image: (1, 3, h, w) in 0..1.
        figure: (1, 1, h, w), 0 or 1.
        background: (1, 3, h, w).
        edge: Width of the figure's edge in pixels.

    Returns:
        Alpha (1, 1, h, w) and the figure's own colours (1, 3, h, w).

    """
    inside = fill_smoothly(image, erode(figure, edge))
    contrast, own = (
        each.square().sum(1, keepdim=True).sqrt() for each in (inside - background, image - background)
    )
    at_edge = (dilate(figure, edge) > 0) & (erode(figure, edge) == 0)
    # Lengths rather than a projection, so that a dark outline counts as part of a light figure.
    part = (own / contrast.clamp(min=CONTRAST)).clamp(max=1)
    alpha = torch.where(at_edge & (contrast > CONTRAST), part, figure)
    alpha = torch.where(alpha > FAINT, alpha, 0)
    colors = (image - (1 - alpha) * background) / alpha.clamp(min=FAINT)
    return alpha, torch.where(alpha > 0, colors.clamp(0, 1), inside)


@dataclass(frozen=True, eq=False)
class Layer:
    """One part of the figure.

    Attributes:
        part: Name of the part.
        source: Part whose pixels are shown: for barely visible limbs the mirrored one of the other side.
        pixels: (4, h, w), premultiplied colours and alpha, of a box in the reference.
        left: Left side of the box.
        top: Top side of the box.

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
    """An image in layers.

    Attributes:
        layers: From back to front.
        background: (3, h, w) without the figure.

    """

    layers: list[Layer]
    background: Tensor


def margin_pixels(joints: Joints) -> int:
    """Return the margin in pixels in which limbs cropped by the reference are completed."""
    return round(MARGIN * joints.stature)


def cut_layers(image: np.ndarray, joints: Joints, rig: Rig, mask: np.ndarray | None) -> CutOut:
    """Cut an image into parts.

    Args:
        image: (h, w, 3) uint8.
        joints: Joints in that image.
        rig: Its bones, shifted by a margin of `margin_of`.
        mask: (h, w) of 0..1; None estimates it.

    """
    pixels = torch.tensor(image).permute(2, 0, 1)[None].float() / 255
    figure = figure_mask(pixels, joints) if mask is None else mask_tensor(mask > 0.5)
    edge = max(1, round(joints.stature / FINE))
    background = background_behind(pixels, figure, edge)
    if mask is None:
        figure = (matte(pixels, figure, background, edge)[0] > 0.5).float()
    alpha, colors = matte(pixels, figure, background, edge)
    margins = [margin_pixels(joints)] * 4
    wide, extended = (pad(each, margins, mode="replicate") for each in (pixels, figure))
    visible = pad(torch.ones_like(figure), margins)[0, 0].numpy() > 0
    regions = segment_parts(
        wide[0].permute(1, 2, 0).numpy(), extended[0, 0].numpy() > 0, visible, rig, joints.stature
    )
    alpha, colors = pad(alpha, margins), pad(colors, margins)
    layers = [_layer(part, _source(part, regions), regions, colors, alpha, edge) for part in regions]
    return CutOut(layers, background[0])


def _source(part: str, regions: dict[str, Region]) -> str:
    side, _, name = part.partition("_")
    other = f"{'left' if side == 'right' else 'right'}_{name}"
    if other in regions and regions[part].seen < HIDDEN and regions[other].seen > SEEN:
        return other
    return part


def _layer(
    part: str, source: str, regions: dict[str, Region], colors: Tensor, alpha: Tensor, outline: int
) -> Layer:
    """Cut out a part; what it hides is filled without an outline of this many pixels."""
    region = regions[source]
    rows, columns = box_around(region.whole)
    box = ..., rows, columns
    own, whole = mask_tensor(region.own[box]), mask_tensor(region.whole[box])
    rim = outline if part in BODY else 0
    shown = _filled(colors[box], own, outline, rim)
    for bridge in region.bridges:
        hidden, piece = (mask_tensor(each[box]) for each in bridge)
        shown = _with_bridge(shown, own, hidden * (1 - own), piece, outline)
    opacity = torch.where(own > 0, alpha[box], whole)
    return Layer(part, source, torch.cat([shown * opacity, opacity], 1)[0], columns.start, rows.start)


def _with_bridge(colors: Tensor, own: Tensor, hidden: Tensor, piece: Tensor, outline: int) -> Tensor:
    """Fill hidden pixels with the colours of the piece that they connect, if possible without its outline."""
    visible = own * piece
    inner = erode(visible, outline)
    known = inner if inner.any() else visible
    return torch.where(hidden > 0, fill_smoothly(colors, known), colors) if known.any() else colors


def _filled(colors: Tensor, own: Tensor, outline: int, rim: int) -> Tensor:
    inner = erode(own, outline)
    filled = fill_smoothly(colors, inner if inner.any() else own)
    if rim:  # limbs in front of the body leave some of their edge to it
        filled = torch.where(dilate(own, rim) > 0, fill_smoothly(colors, own), filled)
    return torch.where(own > 0, colors, filled)
