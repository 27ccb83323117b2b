"""How thick limbs are in the picture: until the mask ends or the colour changes."""

import numpy as np

from .skeleton import Bone, normal

ALONG = np.linspace(0.2, 0.85, 10)  # places on a bone that are measured
STEP = 0.5  # pixels
CHANGE = 0.16  # of the range of a colour: a larger change ends the limb
THINNEST, THICKEST = 0.012, 0.09  # radius in statures
USUAL = 0.03


def limb_radius(picture: np.ndarray, mask: np.ndarray, bone: Bone, stature: float) -> float:
    """Return half the thickness of a limb in pixels.

    Args:
        picture: (h, w, 3) in 0..1.
        mask: (h, w) of the figure.
        bone: In the picture.
        stature: Size of the figure in pixels.

    """
    limit = THICKEST * stature
    reach = np.arange(0, 1.5 * limit + STEP, STEP)
    middles = bone.start + ALONG[:, None] * (bone.end - bone.start)
    across = normal(bone.axis())
    rays = middles[:, None, None] + np.array([-1, 1])[:, None, None] * reach[:, None] * across
    inside, colors = _sampled(mask, rays) > 0.5, _sampled(picture, rays)
    changed = np.abs(colors - colors[:, :, :1]).max(axis=-1) > CHANGE
    ends = (~inside | changed).argmax(axis=2) * STEP  # (places, 2)
    ends = np.where((~inside | changed).any(axis=2), ends, reach[-1])
    low, high = ends.min(axis=1), ends.max(axis=1)
    there = inside[:, 0, 0]
    if not there.any():
        return USUAL * stature
    # One side may run into the torso or another limb: there the other side alone is right.
    each = np.where(high < 2 * low + 1, (low + high) / 2, low)[there]
    return float(np.clip(np.median(each), THINNEST * stature, limit))


def _sampled(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of the pixels at places (..., 2) in x and y, of the nearest where these are outside."""
    height, width = values.shape[:2]
    columns = np.clip(np.floor(places[..., 0]), 0, width - 1).astype(int)
    rows = np.clip(np.floor(places[..., 1]), 0, height - 1).astype(int)
    return values[rows, columns]
