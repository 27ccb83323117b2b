"""Unknown pixels filled from known ones, and growing and shrinking of masks."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

TINY = 1e-6


def fill_smoothly(colors: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels from coarser and coarser means of the known ones (pull-push).

    Args:
        colors: (n, c, h, w).
        known: (n, 1, h, w) weights, 0 where a colour is not to be used and 1 where it stays.

    Returns:
        (n, c, h, w); 0 everywhere where nothing is known.

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
        part = (4 * weight).clamp(max=1)  # a quarter of a coarse pixel is enough to know its colour
        filled = part * each / weight.clamp(min=TINY) + (1 - part) * around
    return known * colors + (1 - known) * filled


def fill_along_rows(colors: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels between the nearest known ones on the left and on the right of the same row.

    Horizons, floors and skies stay straight. Rows without a known pixel are filled smoothly.

    Args:
        colors: (n, c, h, w).
        known: (n, 1, h, w), 0 or 1.

    Returns:
        (n, c, h, w).

    """
    width = colors.shape[3]
    column = torch.arange(width, device=colors.device).expand_as(known)
    left = torch.where(known > 0, column, -1).cummax(dim=3).values
    right = torch.where(known > 0, column, width).flip(3).cummin(dim=3).values.flip(3)
    has_left, has_right = left >= 0, right < width
    sides = [
        colors.gather(3, at.clamp(0, width - 1).expand_as(colors)) for at in (left, right)
    ]  # (n, c, h, w) each
    span = (right - left).clamp(min=1)
    part = torch.where(has_left & has_right, (column - left) / span, has_right.to(colors.dtype))
    filled = sides[0] * (1 - part) + sides[1] * part
    return fill_smoothly(torch.where(known > 0, colors, filled), (has_left | has_right).to(colors.dtype))


def grown(mask: Tensor, pixels: int = 1) -> Tensor:
    """Dilate a mask (n, 1, h, w) by a square of this radius."""
    return max_pool2d(mask, 2 * pixels + 1, stride=1, padding=pixels) if pixels > 0 else mask


def shrunk(mask: Tensor, pixels: int = 1) -> Tensor:
    """Erode a mask (n, 1, h, w) by a square of this radius; the outside of the picture counts as inside."""
    if pixels <= 0:
        return mask
    return 1 - grown(pad(1 - mask, [pixels] * 4), pixels)[..., pixels:-pixels, pixels:-pixels]


def opened(mask: Tensor, pixels: int = 1) -> Tensor:
    """Remove what is thinner than twice this radius from a mask (n, 1, h, w)."""
    return grown(shrunk(mask, pixels), pixels) * mask
