"""The picture cut into layers, one for each part, and the background behind them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..pose.skeleton import JOINT
from .fill import fill_along_rows, fill_smoothly, grown, opened, shrunk
from .outline import distance_to, figure_mask, stature_of
from .rig import Rig
from .skeleton import SIDES, Joints, normal
from .thickness import limb_radius

# From the back to the front.
ORDER = (
    *(f"{side}_{part}" for side in SIDES for part in ("thigh", "shin", "foot")),
    "torso",
    "head",
    *(f"{side}_{part}" for side in SIDES for part in ("upper_arm", "forearm")),
)
ARMS = ("upper_arm", "forearm")
HAND = 2.3  # radius of a hand in radii of the forearm, at most
OUTLINE = 1.0  # pixels around a limb that belong to it


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
    if mask is None:
        figure = figure_mask(pixels, joints)
    else:
        figure = (torch.from_numpy(np.ascontiguousarray(mask))[None, None].float() > 0.5).float()
    background = fill_along_rows(pixels, 1 - grown(figure, 2))
    alpha, colors = _matte(pixels, figure, background)
    regions = _regions(picture / 255, figure[0, 0].numpy() > 0, joints, rig)
    layers = [_layer(part, regions[part], colors, alpha) for part in ORDER if part in regions]
    return CutOut([each for each in layers if each is not None], background[0], figure[0, 0])


def _matte(pixels: Tensor, figure: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and colours of the figure alone: at its edge pixels are mixed with the background."""
    inside = fill_smoothly(pixels, shrunk(figure))
    contrast = inside - background
    strength = contrast.square().sum(1, keepdim=True)
    part = ((pixels - background) * contrast).sum(1, keepdim=True) / strength.clamp(min=1e-4)
    edge = grown(figure) * (1 - shrunk(figure))
    alpha = torch.where((edge > 0) & (strength > 0.02), part.clamp(0, 1), figure)
    alpha = torch.where(alpha > 0.1, alpha, 0)
    colors = (pixels - (1 - alpha) * background) / alpha.clamp(min=0.1)
    return alpha, torch.where(alpha > 0, colors.clamp(0, 1), inside)


@dataclass(frozen=True, eq=False)
class Region:
    """own: pixels (h, w) that show the part. whole: those that it covers, seen or hidden."""

    own: np.ndarray
    whole: np.ndarray


def _regions(picture: np.ndarray, mask: np.ndarray, joints: Joints, rig: Rig) -> dict[str, Region]:
    height, width = mask.shape
    stature = stature_of(joints)
    radii = _radii(picture, mask, rig, stature)
    away = {
        part: distance_to(rig.reference[part].start, rig.reference[part].end, height, width) - radius
        for part, radius in radii.items()
    }
    for side in SIDES:
        forearm = f"{side}_forearm"
        if forearm in away:
            away[forearm] = np.minimum(away[forearm], _hand(picture, mask, rig, forearm, radii[forearm]))
    return _assigned(mask, away, rig)


def _radii(picture: np.ndarray, mask: np.ndarray, rig: Rig, stature: float) -> dict[str, float]:
    """Both sides have the same: the thinner is the one that nothing else was taken for."""
    single = {
        part: limb_radius(picture, mask, bone, stature)
        for part, bone in rig.reference.items()
        if part not in ("torso", "head")
    }
    return {
        part: min(radius, single.get(_other(part), radius)) + OUTLINE / 2 for part, radius in single.items()
    }


def _other(part: str) -> str:
    side, name = part.split("_", 1)
    return f"{'left' if side == 'right' else 'right'}_{name}"


def _hand(picture: np.ndarray, mask: np.ndarray, rig: Rig, forearm: str, radius: float) -> np.ndarray:
    bone = rig.reference[forearm]
    size = HAND * radius
    center = bone.end + 0.5 * size * bone.axis()
    return distance_to(center, center, *mask.shape) - size


def _assigned(mask: np.ndarray, away: dict[str, np.ndarray], rig: Rig) -> dict[str, Region]:
    free = mask.copy()
    regions = {}
    around = np.array(mask)
    halo = _tensor(mask)
    halo = grown(halo)[0, 0].numpy() > 0
    for part in reversed(ORDER):
        if part in away and part.endswith(ARMS):
            own = (away[part] <= 0) & free
            regions[part] = Region(own, (away[part] <= 0) & around)
            free &= ~own
    legs = [part for part in away if not part.endswith(ARMS)]
    low = _below_hips(mask.shape, rig)
    for part in reversed([part for part in ORDER if part in legs]):
        own = (away[part] <= OUTLINE) & free & low
        regions[part] = Region(own, (away[part] <= 0) & around)
        free &= ~own
    if "head" in rig.reference:
        above = _above_neck(mask.shape, rig) & free
        regions["head"] = Region(above, above)
        free &= ~above
    regions["torso"] = Region(free, free)
    return {part: _with_edge(region, halo, mask) for part, region in regions.items() if region.own.any()}


def _with_edge(region: Region, halo: np.ndarray, mask: np.ndarray) -> Region:
    """Add the half transparent pixels just outside of the figure."""
    edge = grown(_tensor(region.own))[0, 0].numpy().astype(bool) & halo & ~mask
    return Region(region.own | edge, region.whole | region.own | edge)


def _tensor(mask: np.ndarray) -> Tensor:
    return torch.from_numpy(mask.astype(np.float32))[None, None]


def _along(shape: tuple[int, ...], start: np.ndarray, axis: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return (columns - start[0]) * axis[0] + (rows - start[1]) * axis[1]


def _below_hips(shape: tuple[int, ...], rig: Rig) -> np.ndarray:
    bone = rig.reference["torso"]
    return _along(shape, bone.end, bone.axis()) > 0.1 * bone.length


def _above_neck(shape: tuple[int, ...], rig: Rig) -> np.ndarray:
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    axis = (nose - neck) / max(float(np.linalg.norm(nose - neck)), 1e-6)
    return _along(shape, neck, axis) > 0


def _layer(part: str, region: Region, colors: Tensor, alpha: Tensor) -> Layer | None:
    rows, columns = np.flatnonzero(region.whole.any(axis=1)), np.flatnonzero(region.whole.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box = np.s_[top:bottom, left:right]
    own, whole = (_tensor(each[box]) for each in (region.own, region.whole))
    visible = alpha[..., top:bottom, left:right]
    shown = fill_smoothly(colors[..., top:bottom, left:right], own)
    opacity = torch.where(own > 0, visible, whole)
    return Layer(part, torch.cat([shown * opacity, opacity], 1)[0], int(left), int(top))
