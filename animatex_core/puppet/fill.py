"""Fill unknown pixels from known ones, and morphological operations on masks."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

TINY = 1e-6


def fill_smoothly(colors: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels from increasingly coarse means of the known ones (pull-push).

    Args:
        colors: (n, c, h, w).
        known: (n, 1, h, w) weights, 0 where a colour must not be used and 1 where it stays.

    Returns:
        (n, c, h, w); zeros if nothing is known.

    """
    if min(colors.shape[2:]) == 0 or bool((known >= 1).all()):
        return colors
    weighted, weights = [colors * known], [known]
    while max(weighted[-1].shape[2:]) > 1:
        coarse, weight = (
            avg_pool2d(each, 2, ceil_mode=True, count_include_pad=False)
            for each in (weighted[-1], weights[-1])
        )
        weighted.append(coarse)
        weights.append(weight)
    filled = weighted[-1] / weights[-1].clamp(min=TINY)
    for each, weight in zip(weighted[-2::-1], weights[-2::-1], strict=True):
        around = interpolate(filled, size=each.shape[2:], mode="bilinear")
        part = (4 * weight).clamp(max=1)  # a quarter of a coarse pixel suffices
        filled = part * each / weight.clamp(min=TINY) + (1 - part) * around
    return known * colors + (1 - known) * filled


def fill_along_rows(colors: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fill unknown pixels linearly between the nearest known ones to the left and right.

    Args:
        colors: (n, c, h, w).
        known: (n, 1, h, w), 0 or 1.

    Returns:
        The filled colours (n, c, h, w); the difference between both ends (n, 1, h, w), infinite where an end
        is missing; and the number of pixels between them (n, 1, h, w).

    """
    width = colors.shape[3]
    column = torch.arange(width).expand_as(known)
    left = torch.where(known > 0, column, -1).cummax(dim=3).values
    right = torch.where(known > 0, column, width).flip(3).cummin(dim=3).values.flip(3)
    first, second = (colors.gather(3, at.clamp(0, width - 1).expand_as(colors)) for at in (left, right))
    span = (right - left).clamp(min=1)
    part = (column - left) / span
    both = (left >= 0) & (right < width)
    difference = (first - second).abs().amax(1, keepdim=True)
    return first + part * (second - first), torch.where(both, difference, torch.inf), span


def dilate(mask: Tensor, pixels: int = 1) -> Tensor:
    """Dilate a mask (n, 1, h, w) by a square of this radius."""
    if pixels <= 0:
        return mask
    rows = max_pool2d(mask, (1, 2 * pixels + 1), stride=1, padding=(0, pixels))
    return max_pool2d(rows, (2 * pixels + 1, 1), stride=1, padding=(pixels, 0))


def erode(mask: Tensor, pixels: int = 1) -> Tensor:
    """Erode a mask (n, 1, h, w) by a square of this radius; the outside of the image counts as inside."""
    if pixels <= 0:
        return mask
    return 1 - dilate(pad(1 - mask, [pixels] * 4), pixels)[..., pixels:-pixels, pixels:-pixels]


def morph_open(mask: Tensor, pixels: int = 1) -> Tensor:
    """Remove what is thinner than twice this radius from a mask (n, 1, h, w)."""
    return dilate(erode(mask, pixels), pixels) * mask


def morph_close(mask: Tensor, pixels: int = 1) -> Tensor:
    """Close gaps narrower than twice this radius in a mask (n, 1, h, w)."""
    return erode(dilate(mask, pixels), pixels)


def connected_region(mask: Tensor, seeds: Tensor) -> Tensor:
    """Return the components of a mask (1, 1, h, w) that contain seeds; both are 0 or 1."""
    inside = mask[0, 0].numpy() > 0
    rows, columns = _runs(inside), _runs(inside.T).T
    found, count = mask * seeds, -1.0
    while (total := float(found.sum())) != count:
        count = total
        reached = (dilate(found) * mask)[0, 0].numpy() > 0
        for runs in (rows, columns):  # whole runs at once, as large images have long ways
            has_reached = np.zeros(int(runs.max(initial=0)) + 1, bool)
            has_reached[runs[reached]] = True
            reached = inside & has_reached[runs]
        found = mask_tensor(reached)
    return found


def connected_mask(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the components (h, w) of a mask that contain seeds: `connected_region` for arrays."""
    return connected_region(mask_tensor(mask), mask_tensor(seeds))[0, 0].numpy() > 0


def connected_pieces(mask: np.ndarray, seeds: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the components (h, w) of a mask that contain seeds."""
    while (touching := mask & seeds).any():
        seed = np.zeros_like(mask)
        seed.flat[touching.argmax()] = True
        piece = connected_mask(mask, seed)
        yield piece
        mask = mask & ~piece


def box_around(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """Return the rows and columns of a mask (h, w) that is not empty, and this many pixels around them."""
    lines = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(0, int(line[0]) - margin), int(line[-1]) + 1 + margin) for line in lines)
    return rows, columns


def _runs(mask: np.ndarray) -> np.ndarray:
    """Number the runs of a mask (h, w) within its rows; the numbers outside of it mean nothing."""
    begins = mask.copy()
    begins[:, 1:] &= ~mask[:, :-1]
    return begins.cumsum(dtype=np.int32).reshape(mask.shape)


def mask_tensor(mask: np.ndarray) -> Tensor:
    """Convert a mask (h, w) to (1, 1, h, w) float32."""
    return torch.from_numpy(mask.astype(np.float32))[None, None]


def color_tensor(image: np.ndarray) -> Tensor:
    """Convert colours (h, w, 3) to (1, 3, h, w) float32."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].float()
