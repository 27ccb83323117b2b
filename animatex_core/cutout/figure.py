"""The figure in front of its background: its shape, cleaned and steady over time."""

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput


def largest(plane: Tensor, radius: int = 1) -> Tensor:
    """Return the largest value in a square of this radius around each pixel of (h, w), of numbers or bool."""
    for axis in (0, 1):
        around, size = plane.clone(), plane.shape[axis]
        for step in range(1, min(radius, size - 1) + 1):
            before, after = plane.narrow(axis, 0, size - step), plane.narrow(axis, step, size - step)
            _raise(around.narrow(axis, step, size - step), before)
            _raise(around.narrow(axis, 0, size - step), after)
        plane = around
    return plane


def grown(mask: Tensor, radius: int = 1) -> Tensor:
    """Dilate a mask (h, w) bool by a square of this radius."""
    return largest(mask, radius)


def shrunk(mask: Tensor, radius: int = 1) -> Tensor:
    """Erode a mask (h, w) bool by a square of this radius; the outside of the image counts as inside."""
    return ~largest(~mask, radius)


def connected(mask: Tensor, seeds: Tensor) -> Tensor:
    """Return the parts of a mask (h, w) bool that seeds (h, w) bool touch, along rows and columns.

    Whole runs are filled at once, in rows and columns by turns, so that a few rounds suffice.
    """
    area, found = mask.numpy(), (mask & seeds).numpy()
    rows, columns = _runs(area), _runs(np.ascontiguousarray(area.T))
    count = -1
    while (total := int(np.count_nonzero(found))) != count:
        count = total
        found = _filled(found, area, rows)
        if np.count_nonzero(found) == count:  # as the columns were filled before
            break
        found = np.ascontiguousarray(_filled(np.ascontiguousarray(found.T), area.T, columns).T)
    return torch.from_numpy(found)


def holes(mask: Tensor) -> Tensor:
    """Return what a mask (h, w) bool encloses."""
    result, rows, columns = torch.zeros_like(mask), mask.any(1).nonzero(), mask.any(0).nonzero()
    if len(rows):
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        free = ~mask[box]
        rim = torch.ones_like(free)
        rim[1:-1, 1:-1] = False
        result[box] = free & ~connected(free, rim)
    return result


def _raise(target: Tensor, other: Tensor) -> None:
    torch.maximum(target, other, out=target)


def _runs(area: np.ndarray) -> np.ndarray:
    """Number the runs of a mask along its rows: pixels of one run share a number."""
    breaks = ~area
    breaks[:, 0] = True  # a run never continues in the next row
    return np.cumsum(breaks, dtype=np.int32).reshape(area.shape)


def _filled(found: np.ndarray, area: np.ndarray, runs: np.ndarray) -> np.ndarray:
    reached = np.zeros(int(runs[-1, -1]) + 1, bool)
    reached[runs[found]] = True
    return area & np.take(reached, runs)


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
    found = connected(difference > low, shrunk(difference > high))
    enclosed = holes(found)
    return found | (enclosed if fill_holes else _narrow(enclosed))


def _narrow(enclosed: Tensor) -> Tensor:
    """Return the holes that are too narrow to be gaps between limbs."""
    if not bool(enclosed.any()):
        return enclosed
    radius = max(1, round(MIN_HOLE * max(enclosed.shape) / 2))
    return enclosed & ~connected(enclosed, shrunk(enclosed, radius))


def edge_band(figure: Tensor, inward: int, outward: int = 1) -> tuple[Tensor, Tensor]:
    """Return the pixels along the edge whose alpha is unknown, and those inside, each (h, w) bool.

    Args:
        figure: (h, w) bool.
        inward: Pixels on the side of the character, where most of a soft edge is.
        outward: Pixels on the other side.

    """
    inside = shrunk(figure, inward)
    return grown(figure, outward) & ~inside, inside


STILL = 4.0  # standard deviations of the flicker that a still pixel may change by
LEAST_CHANGE = 3 / 255  # change that is always still
MAX_CHANGE = 0.06


class SteadyAlpha:
    """Repeats alpha and colors of pixels that did not change since they were computed.

    A pixel counts as still as long as it and its neighbors look as in the frame in which its alpha was
    computed, so slow changes do not accumulate. As soon as it changes, its new alpha is used at once.

    Args:
        flicker: Standard deviation of a still pixel between two frames, of 0..1.

    """

    def __init__(self, flicker: float) -> None:
        self._most = min(max(STILL * flicker, LEAST_CHANGE), MAX_CHANGE)
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def update(self, image: Tensor, colors: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Add a frame.

        Args:
            image: The frame, (3, h, w) in 0..1.
            colors: The character's own colors, (3, h, w).
            alpha: (h, w).

        Returns:
            Colors and alpha, steady.

        """
        if self._last is not None:
            seen, kept_colors, kept_alpha = self._last
            change = largest((image - seen).abs().amax(0))
            still = change <= self._most
            soft = still & (kept_alpha > 0) & (kept_alpha < 1)
            image, alpha = torch.where(still, seen, image), torch.where(still, kept_alpha, alpha)
            colors = torch.where(soft, kept_colors, colors)
        self._last = image, colors, alpha
        return colors, alpha


SOFT_EDGE = 2  # pixels around a mask in which the reference is a mix


def require_surroundings(figure: Tensor) -> Tensor:
    """Return where a mask (h, w) bool surely leaves the background; raises InvalidInput if it is nowhere."""
    around = ~grown(figure, SOFT_EDGE)
    if not bool(around.any()):
        raise InvalidInput("The mask covers the whole reference: mark only the character in it.")
    return around
