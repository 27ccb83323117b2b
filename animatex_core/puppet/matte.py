"""The figure apart from its background: alpha, its own colours, and what is behind it."""

import torch
from torch import Tensor

from .fill import fill_along_rows, fill_smoothly, grown, shrunk

HALO = 2  # edges around the figure whose pixels it may have coloured
CONTRAST = 0.14  # difference of colours from which alpha can be told
FAINT = 0.1  # alpha below it is none
AGREED = 0.15  # difference of colours on both sides of a gap that is bridged as a straight line


def background_behind(picture: Tensor, figure: Tensor, edge: int) -> Tensor:
    """Fill the place of the figure (1, 1, h, w) from the rest of a picture (1, 3, h, w).

    Where both sides of a row or a column agree, the line goes on between them; elsewhere it gets smooth.
    edge: width of the figure's edge in pixels.
    """
    known = 1 - grown(figure, HALO * edge)
    smooth = fill_smoothly(picture, known)
    total, weights = 0.1 * smooth, torch.full_like(known, 0.1)
    for turned in (False, True):
        source, there = (each.mT if turned else each for each in (picture, known))
        line, difference, span = fill_along_rows(source, there)
        weight = torch.exp(-((difference / AGREED) ** 2)) * (8 / span.clamp(min=8))
        line, weight = (each.mT if turned else each for each in (line, weight))
        total, weights = total + weight * line, weights + weight
    return torch.where(known > 0, picture, total / weights)


def matte(picture: Tensor, figure: Tensor, background: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """Return alpha (1, 1, h, w) and the figure's own colours (1, 3, h, w).

    At the figure's edge, `edge` pixels wide, a pixel is a mixture. Over the same background the figure gives
    the picture again.
    """
    inside = fill_smoothly(picture, shrunk(figure, edge))
    contrast, own = (
        each.square().sum(1, keepdim=True).sqrt() for each in (inside - background, picture - background)
    )
    at_edge = (grown(figure, edge) > 0) & (shrunk(figure, edge) == 0)
    # Lengths, not a projection: a dark outline around a light figure is the figure's too.
    part = (own / contrast.clamp(min=CONTRAST)).clamp(max=1)
    alpha = torch.where(at_edge & (contrast > CONTRAST), part, figure)
    alpha = torch.where(alpha > FAINT, alpha, 0)
    colors = (picture - (1 - alpha) * background) / alpha.clamp(min=FAINT)
    return alpha, torch.where(alpha > 0, colors.clamp(0, 1), inside)
