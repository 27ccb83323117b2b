"""How thick limbs are in the picture: until the mask ends or the colour changes."""

from collections.abc import Iterable, Mapping

import numpy as np

from .skeleton import Bone, normal

ALONG = np.linspace(0.15, 0.9, 12)  # places on a bone that are measured
STEP = 0.5  # pixels
CHANGE = 0.16  # of the range of a colour: a larger change ends the limb
LINE = 0.02  # statures: width of an outline, at most
THINNEST, THICKEST = 0.012, 0.1  # radius in statures
USUAL = 0.035
ENOUGH = 6  # measurements
SLIM = 0.7  # radius of one half of a limb in radii of the other, at least
HAND_REACH = 0.2  # statures
USUAL_HAND, LARGEST_HAND = 1.5, 3.5  # radii of a hand in radii of the forearm
WRIST = 0.6  # from the wrist to the middle of a hand, in radii of the hand
FAN = np.array([-0.35, 0.0, 0.35])  # tangents of the angles between the forearm and the measured rays


def limb_radii(
    picture: np.ndarray, mask: np.ndarray, bones: Mapping[str, Bone], stature: float
) -> dict[str, float]:
    """Return half the thickness of each limb in pixels, the same for both sides.

    Args:
        picture: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        bones: In the picture, by part: "right_forearm".
        stature: Size of the figure in pixels.

    """
    kinds = sorted({part.split("_", 1)[1] for part in bones})
    radii = {}
    for kind in kinds:
        sides = [bone for part, bone in bones.items() if part.endswith("_" + kind)]
        ends = np.concatenate([_ends(picture, mask, bone, stature) for bone in sides])
        radii[kind] = float(np.median(ends)) if len(ends) >= ENOUGH else USUAL * stature
    for upper, lower in (("upper_arm", "forearm"), ("thigh", "shin")):
        if upper in radii and lower in radii:  # where one crosses something it seems too thin
            radii[lower] = max(radii[lower], SLIM * radii[upper])
            radii[upper] = max(radii[upper], SLIM * radii[lower])
    return {part: float(np.clip(radii[part.split("_", 1)[1]], THINNEST * stature, None)) for part in bones}


def _ends(picture: np.ndarray, mask: np.ndarray, bone: Bone, stature: float) -> np.ndarray:
    """Distances from the bone to the limb's edge, (n,): those that are seen and not too far."""
    reach = np.arange(0, THICKEST * stature + STEP, STEP)
    middles = bone.start + ALONG[:, None] * (bone.end - bone.start)
    across = normal(bone.axis()) * np.array([[-1], [1]])
    rays = middles[:, None, None] + reach[:, None] * across[:, None]  # (places, sides, reach, 2)
    inside, colors = sampled(mask, rays), sampled(picture, rays)
    changed = np.abs(colors - colors[:, :, :1]).max(axis=-1) > CHANGE
    last, edge = _first(~inside), _first(changed)
    # A thin line between the change and the mask's end is the limb's own outline.
    line = max(1.5, LINE * stature)
    ends = np.where(last - edge <= line, last, edge + line / 2)
    seen = inside[:, :, 0] & (np.minimum(last, edge) < reach[-1])
    low = np.where(seen, ends, np.inf)
    both = np.isfinite(low).all(axis=1)
    mean = np.where(both & (low.max(axis=1) < 2 * low.min(axis=1) + 1), low.mean(axis=1), low.min(axis=1))
    return mean[np.isfinite(mean)]


def hand_radius(
    picture: np.ndarray, mask: np.ndarray, forearms: Iterable[Bone], radius: float, stature: float
) -> float:
    """Return the radius in pixels of the discs that cover the hands; radius: of the forearms."""
    reach = np.arange(0, HAND_REACH * stature + STEP, STEP)
    found = []
    for bone in forearms:
        turns = bone.axis() + FAN[:, None] * normal(bone.axis())
        rays = bone.end + 0.3 * radius * bone.axis() + reach[:, None] * turns[:, None]
        inside, colors = sampled(mask, rays), sampled(picture, rays)
        changed = np.abs(colors - colors[:, :1]).max(axis=-1) > CHANGE
        last, edge = _first(~inside), _first(changed)
        ends = np.where(last - edge <= max(1.5, LINE * stature), last, edge + 1)
        found += [end for end in ends[inside[:, 0]] if end < reach[-1]]
    if not found:
        return USUAL_HAND * radius
    return float(np.clip((np.median(found) + 0.3 * radius) / (1 + WRIST), radius, LARGEST_HAND * radius))


def _first(ended: np.ndarray) -> np.ndarray:
    """Distance along each ray (..., reach) to its first end, beyond the reach where there is none."""
    return np.where(ended.any(axis=-1), ended.argmax(axis=-1), ended.shape[-1]) * STEP


def sampled(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return values of the pixels at places (..., 2) in x and y, of the nearest where these are outside."""
    height, width = values.shape[:2]
    columns = np.clip(np.floor(places[..., 0]), 0, width - 1).astype(int)
    rows = np.clip(np.floor(places[..., 1]), 0, height - 1).astype(int)
    return values[rows, columns]
