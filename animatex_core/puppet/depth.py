"""Find out from the image which of two legs or arms that overlap is in front."""

from collections.abc import Mapping, Sequence

import numpy as np

from .skeleton import SIDES

FINE = 270  # pixels of a figure up to which the lengths below are those; for larger ones they grow with it
EDGE = 1.5  # pixels on either side of a limb's contour in which its edge may lie
INSIDE = 1.0  # pixels by which a contour must lie within the other limb
CLEARER = 1.5  # an edge must be so many times as strong as the other limb's
VISIBLE = 0.06  # change of colour per pixel of the weakest edge that counts, of 1
FEW = 20  # pixels; a shorter edge tells nothing


def side_in_front(
    image: np.ndarray, mask: np.ndarray, away: Mapping[str, np.ndarray], names: Sequence[str], stature: float
) -> str | None:
    """Find out which leg or arm is in front of the other side's.

    A limb in front shows its own contour where it covers the other side's, and hides that one's.

    Args:
        image: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        away: Limb -> distance (h, w) of each pixel to its edge in pixels, negative inside.
        names: Names of the limbs of one side, such as "thigh", "shin" and "foot".
        stature: Size of the figure in pixels.

    Returns:
        The side; None where they do not overlap, or neither contour is clearer, as between limbs of one
        colour without outlines.

    """
    right, left = (_nearest(away, side, names) for side in SIDES)
    if right is None or left is None or not ((right < 0) & (left < 0) & mask).any():
        return None
    scale = max(1.0, stature / FINE)
    changes = _changes(image) * scale
    edges = [
        _edge(changes, mask, limb / scale, other / scale) for limb, other in ((right, left), (left, right))
    ]
    clear = max(edges) > max(CLEARER * min(edges), VISIBLE)
    return SIDES[int(np.argmax(edges))] if clear else None


def _nearest(away: Mapping[str, np.ndarray], side: str, names: Sequence[str]) -> np.ndarray | None:
    limbs = [away[part] for name in names if (part := f"{side}_{name}") in away]
    return np.min(limbs, axis=0) if limbs else None


def _changes(image: np.ndarray) -> np.ndarray:
    """Return how much the colour changes per pixel, (h, w)."""
    return np.sqrt(sum(np.square(each).sum(axis=-1) for each in np.gradient(image, axis=(0, 1))))


def _edge(changes: np.ndarray, mask: np.ndarray, limb: np.ndarray, other: np.ndarray) -> float:
    """Return the mean change of colour along the contour of a limb within the other one, 0 if it is short."""
    contour = (np.abs(limb) < EDGE) & (other < -INSIDE) & mask
    return float(changes[contour].mean()) if contour.sum() >= FEW else 0.0
