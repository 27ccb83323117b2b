"""Solve the compositing equation at the edge of the character.

A pixel at the edge is a mix, I = alpha F + (1 - alpha) B. The background B is known. The color F of the
character is looked for among its pixels nearby: the one that explains the mix best gives alpha. This is
sampling-based matting (Chuang et al., A Bayesian Approach to Digital Matting, 2001; Wang and Cohen,
Optimized Color Sampling for Robust Matting, 2007) with one unknown less.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from .figure import largest

ALIKE = 0.06  # length of F - B below which colors do not determine alpha
NEARBY = 2e-5  # squared color error that a squared pixel of distance counts as
TAKEN = 0.02  # alpha below which a pixel is transparent, above 1 minus which it is opaque
PEAK = 0.02  # how far a thin line's difference may be below the largest around it
UNEXPLAINED = 1e-3  # squared error of the best mix from which a pixel of the character is opaque
SELF = 4  # offset 0, 0 among the offsets of `_offsets`
NEVER = 1e3


def solve_edge(
    image: Tensor,
    background: Tensor,
    figure: Tensor,
    band: Tensor,
    inside: Tensor,
    radius: int,
    given: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Find alpha and the character's own colors at its edge.

    Args:
        image: (3, h, w) in 0..1.
        background: (3, h, w) in 0..1.
        figure: (h, w) bool, the character.
        band: (h, w) bool, the pixels to solve.
        inside: (h, w) bool, pixels that are opaque.
        radius: How far the edge may reach into the character, in pixels.
        given: (h, w), alpha if it is known and only colors are missing.

    Returns:
        Colors (3, h, w), 0 where nothing of the character is near, and alpha (h, w).

    """
    alpha, colors = inside.float(), image * inside
    rows, columns = band.nonzero(as_tuple=True)
    if not len(rows):
        return colors, alpha
    mixed, behind = image[:, rows, columns], background[:, rows, columns]
    sure = _sure(image, background, figure, inside)
    candidates, cost = _candidates(image, sure, rows, columns, 2 * radius)
    cost[SELF] = torch.where(figure[rows, columns], cost[SELF].clamp(max=UNEXPLAINED), NEVER)
    part, error = _shares(mixed, behind, candidates)
    best = (error + cost).argmin(0)
    own = candidates.gather(1, best[None, None].expand(3, 1, -1))[:, 0]
    share = part.gather(0, best[None])[0]
    missing = cost.gather(0, best[None])[0] >= NEVER
    unclear = missing | ((own - behind).square().sum(0).sqrt() < ALIKE)
    if given is None:
        share = torch.where(unclear, _around(figure, rows, columns, 1).float().mean(0), _snapped(share))
    else:
        share = given[rows, columns]
    alpha[rows, columns] = share
    colors[:, rows, columns] = _decontaminated(mixed, behind, torch.where(missing, mixed, own), share)
    return colors, alpha


def _sure(image: Tensor, background: Tensor, figure: Tensor, inside: Tensor) -> Tensor:
    """Return the pixels (h, w) bool that show nothing but the character: its inside, and thin lines."""
    difference = (image - background).abs().amax(0)
    return inside | (figure & (difference >= largest(difference, 2) - PEAK))


@lru_cache
def _offsets(radius: int) -> tuple[tuple[int, int], ...]:
    """Return where to look for colors of the character: at the neighbors, and in their directions."""
    near = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    steps = [1 << power for power in range(1, radius.bit_length())]
    far = [(down * step, right * step) for step in steps for down, right in near if down or right]
    return tuple(near + far)


def _candidates(
    image: Tensor, sure: Tensor, rows: Tensor, columns: Tensor, reach: int
) -> tuple[Tensor, Tensor]:
    """Return colors (3, k, n) around each pixel, and how much each costs (k, n)."""
    far = NEARBY * torch.tensor(_offsets(reach)).square().sum(1).float()
    cost = torch.where(_around(sure, rows, columns, reach), far[:, None], NEVER)
    return torch.stack([_around(channel, rows, columns, reach) for channel in image]), cost


def _around(plane: Tensor, rows: Tensor, columns: Tensor, reach: int) -> Tensor:
    """Return the values (k, n) of a plane (h, w) at the offsets from each pixel; 0 outside of it."""
    padded, offsets = pad(plane, [reach] * 4), torch.tensor(_offsets(reach))
    width = padded.shape[1]
    steps = offsets[:, 0] * width + offsets[:, 1]
    return padded.flatten()[((rows + reach) * width + columns + reach)[None] + steps[:, None]]


def _shares(mixed: Tensor, behind: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Return alpha (k, n) for each candidate, and the squared error of the mix."""
    direction = candidates - behind[:, None]
    offset = (mixed - behind)[:, None]
    along = (offset * direction).sum(0)
    length = direction.square().sum(0)
    share = (along / length.clamp(min=1e-6)).clamp(0, 1)
    return share, offset.square().sum(0) + share * (share * length - 2 * along)


def _snapped(share: Tensor) -> Tensor:
    return ((share - TAKEN) / (1 - 2 * TAKEN)).clamp(0, 1)


def _decontaminated(mixed: Tensor, behind: Tensor, own: Tensor, share: Tensor) -> Tensor:
    """Remove the background from mixed colors; where little of the character is left, use what is nearby."""
    clean = (mixed - (1 - share) * behind) / share.clamp(min=0.05)
    trust = share.square()
    return (trust * clean + (1 - trust) * own).clamp(0, 1)
