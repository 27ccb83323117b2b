"""Segment the figure into parts."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .fill import connected_region, dilate, morph_close, morph_open
from .outline import distance_to
from .rig import Rig
from .skeleton import SIDES, WRIST, hand_radius, limb_radii, normal, sample_pixels

ARMS, LEGS = ("upper_arm", "forearm"), ("thigh", "shin", "foot")
EDGE = -0.5  # pixels that a limb reaches beyond its measured edge; below 0, as its rim is blended
SHRED = 0.026  # body heights: thinner remains next to a limb belong to it
TAIL = 0.05  # body heights from the limbs, which scraps do not reach but cut off tails do
CRUMB = 0.012  # body heights: maximum radius of detached remains that belong to the limb next to them
CORE = 0.05  # body heights around the bones of torso and head that certainly belong to these
ALIKE = 0.1  # colours that differ less than this are the same
HIP = np.linspace(0, 0.6, 25)  # positions on a thigh where the torso may end
CHANGE = 0.2  # the torso ends where the colour changes by more than this


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of one part.

    Attributes:
        own: (h, w) bool, pixels that show the part.
        whole: (h, w) bool, pixels that the part covers, visible or hidden.

    """

    own: np.ndarray
    whole: np.ndarray

    @property
    def seen(self) -> float:
        """Visible fraction of the part."""
        return float((self.own & self.whole).sum() / max(self.whole.sum(), 1))


def segment_parts(
    image: np.ndarray, extended: np.ndarray, visible: np.ndarray, rig: Rig, stature: float
) -> dict[str, Region]:
    """Segment the figure into parts.

    Args:
        image: (h, w, 3) in 0..1, with a margin that replicates its border.
        extended: (h, w) bool, the figure, extended into the margin.
        visible: (h, w) bool, the image without its margin.
        rig: Its bones.
        stature: Its size in pixels.

    Returns:
        The regions of the parts with at least one visible pixel. Those of limbs extend into the margin.

    """
    away = _distances(image, extended, visible, rig, stature)
    mask = extended & visible
    owner = _limbs(image, mask, rig, away)
    owner = _without_shreds(image, owner, mask, away, rig, stature)
    regions = {part: Region(owner == part, (away[part] <= 0) & (mask | ~visible)) for part in away}
    arms = np.isin(owner, [f"{side}_{name}" for side in SIDES for name in ARMS])
    regions |= _body(mask & (owner == ""), arms, rig, stature)
    return {
        part: _with_edge(region, mask, visible, arms) for part, region in regions.items() if region.own.any()
    }


def _distances(
    image: np.ndarray, mask: np.ndarray, visible: np.ndarray, rig: Rig, stature: float
) -> dict[str, np.ndarray]:
    """Return the distance (h, w) of each pixel to the edge of each limb, negative inside."""
    limbs = {part: bone for part, bone in rig.reference.items() if part not in ("torso", "head")}
    radii = limb_radii(image, mask, limbs, stature)
    away = {
        part: distance_to(bone.start, bone.end, *mask.shape) - radii[part] - EDGE
        for part, bone in limbs.items()
    }
    forearms = {part: bone for part, bone in limbs.items() if part.endswith("forearm")}
    for part, bone in forearms.items():
        size = hand_radius(image, mask, visible, forearms.values(), radii[part], stature)
        center = bone.end + WRIST * size * bone.axis()
        away[part] = np.minimum(away[part], distance_to(center, center, *mask.shape) - size - EDGE)
    return away


def _limbs(image: np.ndarray, mask: np.ndarray, rig: Rig, away: dict[str, np.ndarray]) -> np.ndarray:
    """Return limb names (h, w), "" elsewhere. Arms are in front of the torso, legs behind it."""
    owner = np.full(mask.shape, "", dtype="<U16")
    for part in [f"{side}_{name}" for name in (*LEGS, *ARMS) for side in SIDES]:
        if part in away:
            own = mask & (away[part] <= 0)
            if part.endswith("thigh"):
                own &= _below_torso(image, rig, part)
            owner[own] = part
    return owner


def _below_torso(image: np.ndarray, rig: Rig, thigh: str) -> np.ndarray:
    """Return where a thigh leaves the torso: at the last colour change near the hip."""
    bone, torso = rig.reference[thigh], rig.reference["torso"]
    along = _along(image.shape, bone.start, bone.axis())
    colors = sample_pixels(image, bone.start + HIP[:, None] * (bone.end - bone.start))
    leg = np.median(
        sample_pixels(image, bone.start + np.linspace(0.5, 0.9, 9)[:, None] * (bone.end - bone.start)), 0
    )
    other = np.abs(colors - leg).max(axis=1) > CHANGE
    start = HIP[np.flatnonzero(other)[-1]] * bone.length + 1 if other.any() else 0.1 * torso.length
    return along > start


def _without_shreds(
    image: np.ndarray,
    owner: np.ndarray,
    mask: np.ndarray,
    away: dict[str, np.ndarray],
    rig: Rig,
    stature: float,
) -> np.ndarray:
    """Assign thin and detached remains next to limbs, and remains of a limb's colour, to these limbs."""
    if not away:
        return owner
    parts = list(away)
    distances = np.stack([away[part] for part in parts])
    nearest, near = distances.argmin(axis=0), distances.min(axis=0)
    free = mask & (owner == "")
    size = max(1, round(SHRED * stature / 2))
    thin = (mask_tensor(free) > morph_open(mask_tensor(free), size))[0, 0].numpy()
    stray = free & (near < 2 * size) & (thin | _of_limb(image, owner, free, parts, nearest))
    stray |= _loose(free & ~stray, mask, near, rig, stature)
    return np.where(stray, np.array(parts)[nearest], owner)


def _of_limb(
    image: np.ndarray, owner: np.ndarray, free: np.ndarray, parts: list[str], nearest: np.ndarray
) -> np.ndarray:
    """Return where (h, w) remains have the colour of the nearest limb rather than that of the torso."""
    colors = [_middle_color(image, owner == part) for part in parts]
    limb = np.abs(image - np.stack(colors)[nearest]).max(axis=-1)
    return (limb < ALIKE) & (np.abs(image - _middle_color(image, free)).max(axis=-1) > CHANGE)


def _middle_color(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.median(image[mask], axis=0) if mask.any() else np.full(3, np.inf, np.float32)


def _loose(free: np.ndarray, mask: np.ndarray, near: np.ndarray, rig: Rig, stature: float) -> np.ndarray:
    """Return crumbs (h, w) not connected to torso or head, except for a tail cut off by a hand."""
    bone = rig.reference["torso"]
    core = distance_to(bone.start, bone.end, *mask.shape) < CORE * stature
    if "head" in rig.reference:
        core |= distance_to(bone.start, rig.reference["head"].start, *mask.shape) < CORE * stature
    kept = mask_tensor(free)
    apart = kept - connected_region(kept, mask_tensor(core))
    bridged = connected_region(morph_close(kept, _bridge(stature)) * mask_tensor(mask), mask_tensor(core))
    thick = morph_open(apart, max(1, round(CRUMB * stature)))
    seeds = torch.maximum(thick, apart * mask_tensor(near > TAIL * stature))
    large = connected_region(apart, seeds) * bridged
    return (apart > large)[0, 0].numpy()


def _bridge(stature: float) -> int:
    """Return half the width in pixels of gaps that limbs leave in what is behind them."""
    return max(1, round(0.06 * stature))


def _body(rest: np.ndarray, arms: np.ndarray, rig: Rig, stature: float) -> dict[str, Region]:
    """Return torso and head, which continue behind the arms."""
    bridged = morph_close(mask_tensor(rest), _bridge(stature))[0, 0].numpy() > 0
    whole = rest | (arms & (bridged | _mirrored(rest, rig)))
    whole = connected_region(mask_tensor(whole), mask_tensor(rest))[0, 0].numpy() > 0
    if "head" not in rig.reference or rig.face_on_torso:
        return {"torso": Region(rest, whole)}
    above = _above_neck(rest.shape, rig)
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    plug = distance_to(neck, neck + 0.3 * (nose - neck), *rest.shape) < 0.5 * np.linalg.norm(nose - neck)
    return {
        "torso": Region(rest & ~above, whole & (~above | plug)),
        "head": Region(rest & above, whole & above),
    }


def _mirrored(rest: np.ndarray, rig: Rig) -> np.ndarray:
    """Return `rest` (h, w) mirrored at the torso's axis."""
    bone = rig.reference["torso"]
    axis = normal(bone.axis())
    rows, columns = np.mgrid[: rest.shape[0], : rest.shape[1]] + 0.5
    places = np.stack([columns, rows], axis=-1)
    return sample_pixels(rest, places - 2 * ((places - bone.start) @ axis)[..., None] * axis)


def _with_edge(region: Region, mask: np.ndarray, visible: np.ndarray, arms: np.ndarray) -> Region:
    """Add the semi-transparent pixels just outside the figure, and remove those tinted by an arm."""
    edge = (dilate(mask_tensor(region.own))[0, 0].numpy() > 0) & ~mask & visible
    stained = (dilate(mask_tensor(arms & ~region.own))[0, 0].numpy() > 0) & mask & region.own
    own = region.own & ~stained if not (region.own & arms).any() else region.own
    return Region(own | edge, region.whole | region.own | edge)


def _along(shape: tuple[int, ...], start: np.ndarray, axis: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return (columns - start[0]) * axis[0] + (rows - start[1]) * axis[1]


def _above_neck(shape: tuple[int, ...], rig: Rig) -> np.ndarray:
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    axis = (nose - neck) / max(float(np.linalg.norm(nose - neck)), 1e-6)
    return _along(shape, neck, axis) > 0


def mask_tensor(mask: np.ndarray) -> Tensor:
    """Convert a mask (h, w) to (1, 1, h, w) float32."""
    return torch.from_numpy(mask.astype(np.float32))[None, None]
