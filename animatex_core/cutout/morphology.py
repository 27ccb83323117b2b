"""Morphology of single planes, much faster than with pooling layers, which are made for many."""

import numpy as np
import torch
from torch import Tensor


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
