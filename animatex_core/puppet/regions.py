"""Which pixels of the figure belong to which part."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .fill import closed, connected, grown, opened
from .outline import distance_to
from .rig import Rig
from .skeleton import SIDES, WRIST, hand_radius, limb_radii, normal, sampled

ARMS, LEGS = ("upper_arm", "forearm"), ("thigh", "shin", "foot")
EDGE = 0.25  # pixels around a limb that belong to it
SHRED = 0.026  # statures: what is thinner and lies at a limb belongs to that limb
CRUMB = 0.012  # statures: radius of the largest loose rest at a limb that belongs to that limb
CORE = 0.05  # statures around the bones of torso and head that are surely theirs
ALIKE = 0.1  # of the range of a colour: pixels that differ less are of one colour
HIP = np.linspace(0, 0.6, 25)  # where on a thigh the torso may end
CHANGE = 0.2  # of the range of a colour: the torso ends there


@dataclass(frozen=True, eq=False)
class Region:
    """own: pixels (h, w) that show the part. whole: those that it covers, seen or hidden; both bool."""

    own: np.ndarray
    whole: np.ndarray

    @property
    def seen(self) -> float:
        """Share of the part that the picture shows."""
        return float((self.own & self.whole).sum() / max(self.whole.sum(), 1))


def regions_of(
    picture: np.ndarray, extended: np.ndarray, visible: np.ndarray, rig: Rig, stature: float
) -> dict[str, Region]:
    """Divide the figure into parts.

    Args:
        picture: (h, w, 3) in 0..1, with a margin that repeats its rim.
        extended: (h, w) bool, the figure, which goes on in the margin.
        visible: (h, w) bool, the picture without its margin.
        rig: Its bones.
        stature: Its size in pixels.

    Returns:
        The regions of parts that show at least a pixel. Those of limbs go on in the margin.

    """
    away = _distances(picture, extended, rig, stature)
    mask = extended & visible
    owner = _limbs(picture, mask, rig, away)
    owner = _without_shreds(picture, owner, mask, away, rig, stature)
    regions = {part: Region(owner == part, (away[part] <= 0) & (mask | ~visible)) for part in away}
    arms = np.isin(owner, [f"{side}_{name}" for side in SIDES for name in ARMS])
    regions |= _body(mask & (owner == ""), arms, rig, stature)
    return {
        part: _with_edge(region, mask, visible, arms) for part, region in regions.items() if region.own.any()
    }


def _distances(picture: np.ndarray, mask: np.ndarray, rig: Rig, stature: float) -> dict[str, np.ndarray]:
    """Distance (h, w) of each pixel to the edge of each limb, negative inside."""
    limbs = {part: bone for part, bone in rig.reference.items() if part not in ("torso", "head")}
    radii = limb_radii(picture, mask, limbs, stature)
    away = {
        part: distance_to(bone.start, bone.end, *mask.shape) - radii[part] - EDGE
        for part, bone in limbs.items()
    }
    forearms = {part: bone for part, bone in limbs.items() if part.endswith("forearm")}
    for part, bone in forearms.items():
        size = hand_radius(picture, mask, forearms.values(), radii[part], stature)
        center = bone.end + WRIST * size * bone.axis()
        away[part] = np.minimum(away[part], distance_to(center, center, *mask.shape) - size - EDGE)
    return away


def _limbs(picture: np.ndarray, mask: np.ndarray, rig: Rig, away: dict[str, np.ndarray]) -> np.ndarray:
    """(h, w) names of limbs, "" for the rest: arms are in front of the torso, and the torso of legs."""
    owner = np.full(mask.shape, "", dtype="<U16")
    for part in [f"{side}_{name}" for name in (*LEGS, *ARMS) for side in SIDES]:
        if part in away:
            own = mask & (away[part] <= 0)
            if part.endswith("thigh"):
                own &= _below_torso(picture, rig, part)
            owner[own] = part
    return owner


def _below_torso(picture: np.ndarray, rig: Rig, thigh: str) -> np.ndarray:
    """Where a thigh comes out of the torso: at the last change of colour near the hip."""
    bone, torso = rig.reference[thigh], rig.reference["torso"]
    along = _along(picture.shape, bone.start, bone.axis())
    colors = sampled(picture, bone.start + HIP[:, None] * (bone.end - bone.start))
    leg = np.median(
        sampled(picture, bone.start + np.linspace(0.5, 0.9, 9)[:, None] * (bone.end - bone.start)), 0
    )
    other = np.abs(colors - leg).max(axis=1) > CHANGE
    start = HIP[np.flatnonzero(other)[-1]] * bone.length + 1 if other.any() else 0.1 * torso.length
    return along > start


def _without_shreds(
    picture: np.ndarray,
    owner: np.ndarray,
    mask: np.ndarray,
    away: dict[str, np.ndarray],
    rig: Rig,
    stature: float,
) -> np.ndarray:
    """Give thin and loose rests at limbs, and rests of a limb's colour, to these limbs."""
    if not away:
        return owner
    parts = list(away)
    distances = np.stack([away[part] for part in parts])
    nearest, near = distances.argmin(axis=0), distances.min(axis=0)
    free = mask & (owner == "")
    size = max(1, round(SHRED * stature / 2))
    thin = (tensor(free) > opened(tensor(free), size))[0, 0].numpy()
    stray = free & (near < 2 * size) & (thin | _of_limb(picture, owner, free, parts, nearest))
    stray |= _loose(free & ~stray, mask, rig, stature)
    return np.where(stray, np.array(parts)[nearest], owner)


def _of_limb(
    picture: np.ndarray, owner: np.ndarray, free: np.ndarray, parts: list[str], nearest: np.ndarray
) -> np.ndarray:
    """Where (h, w) a rest has the colour of the nearest limb rather than that of the torso."""
    colors = [_middle_color(picture, owner == part) for part in parts]
    limb = np.abs(picture - np.stack(colors)[nearest]).max(axis=-1)
    return (limb < ALIKE) & (np.abs(picture - _middle_color(picture, free)).max(axis=-1) > CHANGE)


def _middle_color(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.median(picture[mask], axis=0) if mask.any() else np.full(3, np.inf, np.float32)


def _loose(free: np.ndarray, mask: np.ndarray, rig: Rig, stature: float) -> np.ndarray:
    """Crumbs (h, w) that do not hang together with torso or head; a tail that a hand parts from them does."""
    bone = rig.reference["torso"]
    core = distance_to(bone.start, bone.end, *mask.shape) < CORE * stature
    if "head" in rig.reference:
        core |= distance_to(bone.start, rig.reference["head"].start, *mask.shape) < CORE * stature
    kept = tensor(free)
    apart = kept - connected(kept, tensor(core))
    bridged = connected(closed(kept, _bridge(stature)) * tensor(mask), tensor(core))
    large = connected(apart, opened(apart, max(1, round(CRUMB * stature)))) * bridged
    return (apart > large)[0, 0].numpy()


def _bridge(stature: float) -> int:
    """Half the width of gaps that limbs leave in what is behind them, in pixels."""
    return max(1, round(0.06 * stature))


def _body(rest: np.ndarray, arms: np.ndarray, rig: Rig, stature: float) -> dict[str, Region]:
    """Torso and head, which go on behind the arms."""
    bridged = closed(tensor(rest), _bridge(stature))[0, 0].numpy() > 0
    whole = rest | (arms & (bridged | _mirrored(rest, rig)))
    whole = connected(tensor(whole), tensor(rest))[0, 0].numpy() > 0
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
    """The other side (h, w) of the torso at every pixel."""
    bone = rig.reference["torso"]
    axis = normal(bone.axis())
    rows, columns = np.mgrid[: rest.shape[0], : rest.shape[1]] + 0.5
    places = np.stack([columns, rows], axis=-1)
    return sampled(rest, places - 2 * ((places - bone.start) @ axis)[..., None] * axis)


def _with_edge(region: Region, mask: np.ndarray, visible: np.ndarray, arms: np.ndarray) -> Region:
    """Add the half transparent pixels just outside of the figure, and leave out those that an arm stains."""
    edge = (grown(tensor(region.own))[0, 0].numpy() > 0) & ~mask & visible
    stained = (grown(tensor(arms & ~region.own))[0, 0].numpy() > 0) & mask & region.own
    own = region.own & ~stained if not (region.own & arms).any() else region.own
    return Region(own | edge, region.whole | region.own | edge)


def _along(shape: tuple[int, ...], start: np.ndarray, axis: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return (columns - start[0]) * axis[0] + (rows - start[1]) * axis[1]


def _above_neck(shape: tuple[int, ...], rig: Rig) -> np.ndarray:
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    axis = (nose - neck) / max(float(np.linalg.norm(nose - neck)), 1e-6)
    return _along(shape, neck, axis) > 0


def tensor(mask: np.ndarray) -> Tensor:
    """Return a mask (h, w) as (1, 1, h, w) float."""
    return torch.from_numpy(mask.astype(np.float32))[None, None]
