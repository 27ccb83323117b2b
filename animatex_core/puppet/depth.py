"""Find out from the image which of two legs or arms that overlap is in front."""

from collections.abc import Mapping, Sequence

import numpy as np

from .skeleton import ARMS, LEGS, SIDES

EDGE = 1.5  # pixels on either side of a limb's contour in which its edge may lie
INSIDE = 1.0  # pixels by which a contour must lie within the other limb
CLEARER = 1.5  # an edge must be so many times as strong as the other limb's
VISIBLE = 0.06  # change of colour per pixel of the weakest edge that counts, of 1
FEW = 20  # pixels; a shorter edge tells nothing


def limbs_from_back(
    image: np.ndarray, mask: np.ndarray, away: Mapping[str, np.ndarray]
) -> tuple[list[str], list[str]]:
    """Sort legs and arms from back to front.

    A limb in front shows its own contour where it covers the other side's, and hides that one's. Where
    neither contour is clearer, as between limbs of one colour without outlines, the left limb is taken to be
    in front.

    Args:
        image: (h, w, 3) in 0..1.
        mask: (h, w) bool, the figure.
        away: Limb -> distance (h, w) of each pixel to its edge in pixels, negative inside.

    Returns:
        The names of the legs in `away`, and those of the arms.

    """
    legs, arms = (
        [
            part
            for side in _sides(image, mask, away, names)
            for name in names
            if (part := f"{side}_{name}") in away
        ]
        for names in (LEGS, ARMS)
    )
    return legs, arms


def _sides(
    image: np.ndarray, mask: np.ndarray, away: Mapping[str, np.ndarray], names: Sequence[str]
) -> tuple[str, str]:
    right, left = (_nearest(away, side, names) for side in SIDES)
    if right is None or left is None or not ((right < 0) & (left < 0) & mask).any():
        return SIDES
    changes = _changes(image)
    of_right, of_left = (_edge(changes, mask, *pair) for pair in ((right, left), (left, right)))
    return SIDES[::-1] if of_right > max(CLEARER * of_left, VISIBLE) else SIDES


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
