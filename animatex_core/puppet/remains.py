"""Assign what is left of the figure beside its limbs: scraps to the limbs, tails and ears to the body."""

from itertools import islice

import numpy as np

from .fill import (
    box_around,
    color_tensor,
    connected_mask,
    connected_pieces,
    connected_region,
    dilate,
    fill_smoothly,
    mask_tensor,
    morph_close,
    morph_open,
)
from .outline import distance_to
from .rig import Rig
from .skeleton import LEGS, sample_pixels

SHRED = 0.026  # body heights: thinner remains next to a limb belong to it
TAIL = 0.05  # body heights from the limbs, which scraps do not reach but cut off tails do
RIM = 0.015  # body heights beyond a limb's measured edge where its own edge may still be
GAP = 0.06  # body heights: half the width of a cut between a tail and the rest of the body
REACH = 0.18  # body heights around crumbs in which the body may have their colour
CRUMB = 0.012  # body heights: maximum radius of detached remains that belong to the limb next to them
CORE = 0.05  # body heights around the bones of torso and head that certainly belong to these
INNER = np.linspace(
    0.2, 0.8, 13
)  # positions on a bone where the limb has its colour, without hand and joints
MOST = 16  # crumbs whose colour is looked at
ALIKE = 0.1  # colours that differ less than this are the same
DIFFERENT = 0.2  # colours that differ more than this are not


def assign_remains(
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
    size = in_pixels(SHRED / 2, stature)
    alike = _of_limb(image, free, rig, parts, nearest)
    # Where the upper ends of legs show beside the torso, their outline is thin without them.
    of_legs = np.array([part.endswith(LEGS) for part in parts])[nearest]
    others = mask_tensor(free & ~(alike & of_legs))
    thin = (others > morph_open(others, size))[0, 0].numpy()
    remains = free & (thin | alike)
    unlike_limb = _difference(image, owner != "")
    tails = _tails(image, remains, near, unlike_limb, stature)
    tails |= _tail_ends(image, free, remains, near, unlike_limb, stature)
    stray = remains & (near < 2 * size) & ~tails
    kept = free & ~stray
    body = _connected_to_trunk(kept, rig, stature)
    loose = _loose(kept, body, mask, near, rig, stature)
    stray |= loose & ~_of_body(image, loose, body, stature)
    return np.where(stray, np.array(parts)[nearest], owner)


def _tails(
    image: np.ndarray, remains: np.ndarray, near: np.ndarray, unlike_limb: np.ndarray, stature: float
) -> np.ndarray:
    """Return those remains (h, w) next to limbs that go on far away from them, and differ from the limb."""
    tails = connected_mask(remains, remains & (near > TAIL * stature))
    if not tails.any():
        return tails
    return tails & (_difference(image, tails & (near > SHRED * stature)) <= unlike_limb + ALIKE)


def _tail_ends(
    image: np.ndarray,
    free: np.ndarray,
    remains: np.ndarray,
    near: np.ndarray,
    unlike_limb: np.ndarray,
    stature: float,
) -> np.ndarray:
    """Return those remains (h, w) next to limbs that are the ends of what goes on, in their colour."""
    going_on = connected_mask(free & (near > RIM * stature), free & (near > TAIL * stature))
    ends = remains & (dilate(mask_tensor(going_on))[0, 0].numpy() > 0)
    if not ends.any():
        return ends
    unlike_body = _difference(image, free & (near > SHRED * stature))
    return ends & (unlike_body < DIFFERENT) & (unlike_body <= unlike_limb + ALIKE)


def _difference(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return how much each pixel (h, w) differs from the colours of the known pixels next to it."""
    pixels = color_tensor(image)
    return (pixels - fill_smoothly(pixels, mask_tensor(known))).abs().amax(1)[0].numpy()


def _of_limb(
    image: np.ndarray, free: np.ndarray, rig: Rig, parts: list[str], nearest: np.ndarray
) -> np.ndarray:
    """Return where (h, w) remains have the colour of the nearest limb rather than that of the torso."""
    if not free.any():
        return free
    bones = (rig.reference[part] for part in parts)
    colors = [
        np.median(sample_pixels(image, bone.start + INNER[:, None] * (bone.end - bone.start)), axis=0)
        for bone in bones
    ]
    limb = np.abs(image - np.stack(colors)[nearest]).max(axis=-1)
    return (limb < ALIKE) & (np.abs(image - np.median(image[free], axis=0)).max(axis=-1) > DIFFERENT)


def _connected_to_trunk(mask: np.ndarray, rig: Rig, stature: float) -> np.ndarray:
    """Return the pieces of a mask (h, w) that reach the bones of torso or head."""
    return connected_mask(mask, trunk(mask.shape, rig, stature))


def _loose(
    kept: np.ndarray, body: np.ndarray, mask: np.ndarray, near: np.ndarray, rig: Rig, stature: float
) -> np.ndarray:
    """Return crumbs (h, w) that reach limbs but not the body, except for a tail cut off by a hand."""
    apart = mask_tensor(kept & ~body)
    closed = morph_close(mask_tensor(kept), in_pixels(GAP, stature))[0, 0].numpy() > 0
    bridged = mask_tensor(_connected_to_trunk(closed & mask, rig, stature))
    thick = morph_open(apart, in_pixels(CRUMB, stature))
    seeds = thick.maximum(apart * mask_tensor(near > TAIL * stature))
    large = connected_region(apart, seeds) * bridged
    crumbs = connected_region((apart > large).float(), mask_tensor(near < TAIL * stature))
    return crumbs[0, 0].numpy() > 0


def _of_body(image: np.ndarray, crumbs: np.ndarray, body: np.ndarray, stature: float) -> np.ndarray:
    """Return the larger crumbs (h, w) that have the colour of the body on the other side of a limb."""
    left = connected_region(mask_tensor(crumbs), morph_open(mask_tensor(crumbs)))[0, 0].numpy() > 0
    found = np.zeros_like(left)
    for piece in islice(connected_pieces(left, left), MOST):
        box = box_around(piece, in_pixels(REACH, stature))
        around = (dilate(mask_tensor(piece[box]), in_pixels(REACH, stature))[0, 0].numpy() > 0) & body[box]
        alike = np.abs(image[box] - np.median(image[piece], axis=0)).max(axis=-1) < ALIKE
        if (around & alike).sum() >= min(piece.sum(), in_pixels(SHRED, stature) ** 2):
            found |= piece
    return found


def trunk(shape: tuple[int, ...], rig: Rig, stature: float) -> np.ndarray:
    """Return the pixels (h, w) around the bones of torso and head."""
    bone = rig.reference["torso"]
    core = distance_to(bone.start, bone.end, *shape) < CORE * stature
    if "head" in rig.reference:
        core |= distance_to(bone.start, rig.reference["head"].start, *shape) < CORE * stature
    return core


def in_pixels(size: float, stature: float) -> int:
    """Convert body heights to pixels, 1 or more."""
    return max(1, round(size * stature))
