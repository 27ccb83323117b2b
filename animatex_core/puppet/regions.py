"""Segment the figure into parts."""

from dataclasses import dataclass, replace

import numpy as np

from .bridges import Bridge, join_pieces
from .depth import side_in_front
from .fill import color_tensor, connected_mask, dilate, fill_smoothly, mask_tensor, morph_close, morph_open
from .outline import distance_to
from .remains import assign_remains, in_pixels, trunk
from .rig import Rig
from .skeleton import ARMS, LEGS, SIDES, WRIST, hand_radius, is_usual, limb_radii, normal, sample_pixels

EDGE = -0.5  # pixels that a limb reaches beyond its measured edge; below 0, as its rim is blended
STAIN = 0.0075  # body heights around an arm in which its outline tints what is behind it
OUTLINE = 0.036  # body heights around a shoulder in which the arm's own outline may lie
NOTCH = 0.035  # body heights: half the width of a gap that a limb leaves in the torso behind it
SLIVER = 0.03  # body heights: half the width of what is too thin to be the body behind an arm
HIP = np.linspace(0, 0.6, 25)  # positions on a thigh where the torso may end
LEG = np.linspace(0.5, 0.9, 9)  # where it has its own colours
CHANGE = 0.2  # the torso ends where the colour changes by more than this


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of one part.

    Attributes:
        own: (h, w) bool, pixels that show the part.
        whole: (h, w) bool, pixels that the part covers, visible or hidden.
        bridges: Of torso and head: what connects their pieces behind the arms.

    """

    own: np.ndarray
    whole: np.ndarray
    bridges: tuple[Bridge, ...] = ()

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
        The regions of the parts with at least one visible pixel, from back to front. Those of limbs extend
        into the margin.

    """
    away = _distances(image, extended, visible, rig, stature)
    mask = extended & visible
    both: tuple[tuple[str, ...], ...] = LEGS, ARMS
    fronts = {names: side_in_front(image, mask, away, names, stature) for names in both}
    owner = _limbs(image, mask, rig, away, fronts)
    owner = assign_remains(image, owner, mask, away, rig, stature)
    regions = {part: Region(owner == part, (away[part] <= 0) & (mask | ~visible)) for part in away}
    legs, arms = (_from_back(names, front) for names, front in fronts.items())
    in_front = np.isin(owner, arms)
    body = _body(image, mask & (owner == ""), in_front, rig, stature)
    regions |= body
    stained = _stained(image, mask, in_front, _shoulders(rig, away, stature, mask.shape), stature)
    return {
        part: _with_edge(regions[part], mask, visible, stained)
        for part in (*legs, *body, *arms)
        if part in regions and regions[part].own.any()
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


def _limbs(
    image: np.ndarray,
    mask: np.ndarray,
    rig: Rig,
    away: dict[str, np.ndarray],
    fronts: dict[tuple[str, ...], str | None],
) -> np.ndarray:
    """Return limb names (h, w), "" elsewhere. Arms are in front of the torso, legs behind it.

    Where the side in front is not known, forearms are taken to be in front of upper arms and shins in front
    of thighs, as with folded arms.
    """
    owner = np.full(mask.shape, "", dtype="<U16")
    orders = [
        [f"{side}_{name}" for name in names for side in SIDES] if front is None else _from_back(names, front)
        for names, front in fronts.items()
    ]
    for part in (part for order in orders for part in order if part in away):
        own = mask & (away[part] <= 0)
        if part.endswith("thigh"):
            own &= _below_torso(image, rig, part)
        owner[own] = part
    return owner


def _from_back(names: tuple[str, ...], front: str | None) -> list[str]:
    """Return the limbs of both sides, those of the side in front last; without one, those of the left."""
    sides = SIDES[::-1] if front == "right" else SIDES
    return [f"{side}_{name}" for side in sides for name in names]


def _below_torso(image: np.ndarray, rig: Rig, thigh: str) -> np.ndarray:
    """Return where a thigh leaves the torso: at the last colour change near the hip."""
    bone, torso = rig.reference[thigh], rig.reference["torso"]
    along = _along(image.shape, bone.start, bone.axis())
    colors, leg = (
        sample_pixels(image, bone.start + along_bone[:, None] * (bone.end - bone.start))
        for along_bone in (HIP, LEG)
    )
    leg_colors = [np.median(leg, axis=0), *leg[is_usual(leg)]]
    other = np.min([np.abs(colors - each).max(axis=1) for each in leg_colors], axis=0) > CHANGE
    start = HIP[np.flatnonzero(other)[-1]] * bone.length + 1 if other.any() else 0.1 * torso.length
    return along > start


def _body(
    image: np.ndarray, rest: np.ndarray, arms: np.ndarray, rig: Rig, stature: float
) -> dict[str, Region]:
    """Return torso and head, which continue behind the arms."""
    closed = morph_close(mask_tensor(rest), in_pixels(NOTCH, stature))[0, 0].numpy() > 0
    stain = in_pixels(STAIN, stature) + 1
    bridges = tuple(join_pieces(image, rest, arms, trunk(rest.shape, rig, stature), stain))
    joined = np.logical_or.reduce([rest, *(bridge.hidden for bridge in bridges)])
    covered = closed | _mirrored(rest, rig) | _between_body(rest, arms, rig, stature)
    whole = joined | (arms & covered)
    whole = connected_mask(whole, rest)
    if "head" not in rig.reference or rig.face_on_torso:
        return {"torso": Region(rest, whole, bridges)}
    above = _above_neck(rest.shape, rig)
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    plug = distance_to(neck, neck + 0.3 * (nose - neck), *rest.shape) < 0.5 * np.linalg.norm(nose - neck)
    return {
        "torso": Region(rest & ~above, whole & (~above | plug), bridges),
        "head": Region(rest & above, whole & above, bridges),
    }


def _mirrored(rest: np.ndarray, rig: Rig) -> np.ndarray:
    """Return `rest` (h, w) mirrored at the torso's axis."""
    bone = rig.reference["torso"]
    axis = normal(bone.axis())
    rows, columns = np.mgrid[: rest.shape[0], : rest.shape[1]] + 0.5
    places = np.stack([columns, rows], axis=-1)
    return sample_pixels(rest, places - 2 * ((places - bone.start) @ axis)[..., None] * axis)


def _between_body(rest: np.ndarray, arms: np.ndarray, rig: Rig, stature: float) -> np.ndarray:
    """Return the pixels (h, w) of arms with the body above and below them, as seen along the torso."""
    x, y = rig.reference["torso"].axis()
    if abs(x) > abs(y):
        rest, arms = rest.T, arms.T
    padded = np.pad(rest, ((1, 1), (0, 0)))
    rows, columns = np.mgrid[1 : len(rest) + 1, : rest.shape[1]]
    above = np.maximum.accumulate(np.where(arms, 0, rows), axis=0)
    below = np.minimum.accumulate(np.where(arms, len(rest) + 1, rows)[::-1], axis=0)[::-1]
    found = arms & padded[above, columns] & padded[below, columns]
    size = in_pixels(SLIVER, stature)
    wide = morph_open(mask_tensor(found | rest), size)[0, 0].numpy() > 0
    return (found & wide).T if abs(x) > abs(y) else found & wide


def _stained(
    image: np.ndarray, mask: np.ndarray, arms: np.ndarray, shoulders: np.ndarray, stature: float
) -> np.ndarray:
    """Return pixels (h, w) around arms that are tinted by their outline, or show that of the shoulders."""
    arm = mask_tensor(arms)
    tinted = (dilate(arm, in_pixels(STAIN, stature))[0, 0].numpy() > 0) & mask & ~arms
    border = arms & (dilate(1 - arm)[0, 0].numpy() > 0)
    around = shoulders & mask & ~arms
    if not border.any() or not around.any():
        return tinted
    pixels = color_tensor(image)
    behind = fill_smoothly(pixels, mask_tensor(mask & ~arms & ~around))[0].numpy().transpose(1, 2, 0)
    outline = np.median(image[border], axis=0)
    shows_it = np.abs(image - outline).max(axis=-1) < np.abs(image - behind).max(axis=-1)
    return tinted | (around & shows_it)


def _shoulders(rig: Rig, away: dict[str, np.ndarray], stature: float, shape: tuple[int, ...]) -> np.ndarray:
    """Return where (h, w) the ends of the upper arms may reach beyond the shoulders of the pose."""
    found = np.zeros(shape, bool)
    for part in {f"{side}_upper_arm" for side in SIDES} & away.keys():
        bone = rig.reference[part]
        found |= (away[part] <= OUTLINE * stature) & (_along(shape, bone.start, bone.axis()) < 0)
    return found


def _with_edge(region: Region, mask: np.ndarray, visible: np.ndarray, stained: np.ndarray) -> Region:
    """Add the semi-transparent pixels just outside the figure, and remove those tinted by an arm."""
    edge = (dilate(mask_tensor(region.own))[0, 0].numpy() > 0) & ~mask & visible
    return replace(region, own=(region.own & ~stained) | edge, whole=region.whole | region.own | edge)


def _along(shape: tuple[int, ...], start: np.ndarray, axis: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return (columns - start[0]) * axis[0] + (rows - start[1]) * axis[1]


def _above_neck(shape: tuple[int, ...], rig: Rig) -> np.ndarray:
    neck, nose = rig.reference["torso"].start, rig.reference["head"].start
    axis = (nose - neck) / max(float(np.linalg.norm(nose - neck)), 1e-6)
    return _along(shape, neck, axis) > 0
