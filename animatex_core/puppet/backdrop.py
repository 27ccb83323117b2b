"""Reconstruct the background behind the figure."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .fill import dilate, fill_along_rows, fill_smoothly

HALO = 2  # edge widths around the figure that may be blended with it
AGREED, AGREED_TEXTURED = (
    0.05,
    0.15,
)  # colour differences up to which a straight line fills a gap: flat, textured
SHORT_GAP = 8  # pixels up to which a straight line counts fully
LEVELS = 16  # histogram bins per channel
SAME = 0.1  # colours that differ less than this belong to the same area
MAX_AREAS = 8  # number of main colours
DECIDED = 4  # power of the shares of the areas in a pixel; larger values give sharper borders
SMALL = 0.004  # fraction of the background below which a colour is not a main colour
CLOSE, FLAT = 0.05, 0.7  # a background is flat if this share of its pixels is this close to a main colour


def background_behind(image: Tensor, figure: Tensor, edge: int) -> Tensor:
    """Fill the area of the figure from the rest of the image.

    On a drawn background of few colours, every hidden pixel is assigned to one of these and gets the mean of
    the pixels nearby that belong to it, so that areas such as ground and sky keep a sharp border. On others,
    such as photos, the fill is smooth, since sharp borders in wrong places would look like pieces of glass.
    If both sides of a row or column agree, their linear interpolation is preferred, which continues
    gradients.

    Args:
        image: (1, 3, h, w) in 0..1.
        figure: (1, 1, h, w), 0 or 1.
        edge: Width of the figure's edge in pixels.

    Returns:
        (1, 3, h, w).

    """
    known = 1 - dilate(figure, HALO * edge)
    is_known = known.flatten() > 0
    if not bool(is_known.any()) or bool(is_known.all()):
        return image * known
    pixels = image[0].flatten(1).T
    distances = torch.cdist(pixels, _main_colors(pixels[is_known]))
    if not _are_close(distances[is_known]):
        smooth = _interpolate(image, known, fill_smoothly(image, known), AGREED_TEXTURED)
        return torch.where(known > 0, image, smooth)
    areas = _areas(image, distances)
    shares = _interpolate(areas, known, fill_smoothly(areas, known)).clamp(min=0) ** DECIDED
    sharp = _from_areas(image, areas * known, shares)
    return torch.where(known > 0, image, _interpolate(image, known, sharp))


def is_flat(pixels: Tensor) -> bool:
    """Return whether the pixels (n, 3) of a background, in 0..1, have few colours, as in a drawing."""
    return len(pixels) > 0 and _are_close(torch.cdist(pixels, _main_colors(pixels)))


def _are_close(distances: Tensor) -> bool:
    """Return whether a background has few colours, by the distances (n, k) from the main ones."""
    return float((distances.amin(dim=1) < CLOSE).float().mean()) >= FLAT


def _interpolate(colors: Tensor, known: Tensor, otherwise: Tensor, agreed: float = AGREED) -> Tensor:
    """Average the linear interpolations along rows and columns whose ends agree, and another estimate."""
    total, weights = 0.1 * otherwise, torch.full_like(known, 0.1)
    for turned in (False, True):
        source, there = (each.mT if turned else each for each in (colors, known))
        line, difference, span = fill_along_rows(source, there)
        weight = torch.exp(-((difference / agreed) ** 2)) * (SHORT_GAP / span.clamp(min=SHORT_GAP))
        line, weight = (each.mT if turned else each for each in (line, weight))
        total, weights = total + weight * line, weights + weight
    return total / weights


def _areas(image: Tensor, distances: Tensor) -> Tensor:
    """Return which of the background's k main colours each pixel is closest to: (1, k, h, w), 0 or 1."""
    count = distances.shape[1]
    areas = one_hot(distances.argmin(dim=1), count).T.reshape(count, *image.shape[2:])
    return areas[None].to(image.dtype)


def _main_colors(pixels: Tensor) -> Tensor:
    """Return the most frequent colours of pixels (n, 3), which differ by at least SAME: (k, 3)."""
    levels = (pixels * LEVELS).long().clamp(0, LEVELS - 1)
    bins, inverse, counts = levels.unique(dim=0, return_inverse=True, return_counts=True)
    means = torch.zeros(len(bins), 3).index_add_(0, inverse, pixels) / counts[:, None]
    found: list[Tensor] = []
    while len(found) < MAX_AREAS and (not found or float(counts.max()) > SMALL * len(pixels)):
        found.append(means[counts.argmax()])
        counts = torch.where((means - found[-1]).norm(dim=1) < SAME, 0, counts)
    return torch.stack(found)


def _from_areas(image: Tensor, areas: Tensor, shares: Tensor) -> Tensor:
    """Fill each pixel from the known pixels (1, k, h, w) of every area, weighted by shares (1, k, h, w)."""
    colors = fill_smoothly(image.expand(areas.shape[1], -1, -1, -1), areas[0, :, None])
    weights = (shares / shares.sum(dim=1, keepdim=True))[0, :, None]
    return (weights * colors).sum(dim=0, keepdim=True)
