"""Decide which pixels of a frame are the character, before its edges are made soft."""

import numpy as np
import torch
from torch import Tensor

from ..puppet.fill import dilate, erode

CORE = 0.1  # difference from the background that only the character has, of 0..1
EDGE = 0.03  # difference from which a pixel next to the character belongs to it
MIN_HOLE = 0.006  # of the longer side: narrower holes in the character are part of it
NOISE_FACTOR = 5.0  # standard deviations that count as a difference


def find_figure(difference: Tensor, noise: float, *, fill_holes: bool) -> Tensor:
    """Find the character by its difference from the background.

    Args:
        difference: (h, w), largest difference of a channel from the background, of 0..1.
        noise: Standard deviation of the background.
        fill_holes: Whether everything that the character encloses belongs to it.

    Returns:
        (h, w) bool.

    """
    low, high = max(EDGE, NOISE_FACTOR * noise), max(CORE, 2 * NOISE_FACTOR * noise)
    core = erode((difference > high).float()[None, None])[0, 0] > 0
    found = connected(difference > low, core)
    holes = ~found & ~connected(~found, rim_of(found))
    return found | (holes if fill_holes else _small(holes))


def _small(holes: Tensor) -> Tensor:
    """Return the holes that are too narrow to be gaps between limbs."""
    if not bool(holes.any()):
        return holes
    radius = max(1, round(MIN_HOLE * max(holes.shape) / 2))
    return holes & ~connected(holes, erode(holes.float()[None, None], radius)[0, 0] > 0)


def rim_of(mask: Tensor) -> Tensor:
    """Return (h, w) bool: True along the border of the image."""
    rim = torch.ones_like(mask, dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    return rim


def connected(mask: Tensor, seeds: Tensor) -> Tensor:
    """Return the parts of a mask (h, w) bool that seeds (h, w) bool touch, along rows and columns.

    Whole runs are filled at once, in rows and columns by turns, so that a few rounds suffice.
    """
    area, found = mask.numpy(), (mask & seeds).numpy()
    along_rows, along_columns = _runs(area), _runs(area.T)
    count = -1
    while (total := int(np.count_nonzero(found))) != count:
        count = total
        found = _filled(found, area, along_rows)
        found = _filled(found.T, area.T, along_columns).T
    return torch.from_numpy(np.ascontiguousarray(found))


def _runs(area: np.ndarray) -> np.ndarray:
    """Number the runs of a mask along its rows: pixels of one run share a number."""
    breaks = ~area
    breaks[:, 0] = True  # a run never continues in the next row
    return np.cumsum(breaks, dtype=np.int32).reshape(area.shape)


def _filled(found: np.ndarray, area: np.ndarray, runs: np.ndarray) -> np.ndarray:
    reached = np.zeros(int(runs[-1, -1]) + 1, bool)
    reached[runs[found]] = True
    return area & reached[runs]


def edge_band(figure: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """Return the pixels along the edge whose alpha is unknown, and those inside, each (h, w) bool.

    Args:
        figure: (h, w) bool.
        radius: Pixels on both sides of the edge.

    """
    plane = figure.float()[None, None]
    inside = erode(plane, radius)[0, 0] > 0
    return (dilate(plane, radius)[0, 0] > 0) & ~inside, inside
