"""Complete what an arm cuts in two, such as a tail behind a forearm."""

from typing import NamedTuple

import numpy as np

from .fill import (
    color_tensor,
    connected_mask,
    connected_pieces,
    dilate,
    fill_smoothly,
    mask_tensor,
    morph_close,
)

COLOR = 3.0  # how many widths of a cut a completely different colour on its other side counts
SIMILAR = 0.1  # tolerance of colours
MAX_LINES = 128  # from one edge of a cut, and to its other edge
STEPS = 4  # positions per pixel on the lines that fill a cut


class Bridge(NamedTuple):
    """The connection of a detached piece to the rest of the body, whose colour is that of the piece.

    Args:
        hidden: (h, w) bool, the pixels of the arms that hide it.
        piece: (h, w) bool, what it connects.

    """

    hidden: np.ndarray
    piece: np.ndarray


def join_pieces(
    image: np.ndarray, body: np.ndarray, arms: np.ndarray, main: np.ndarray, stain: int
) -> list[Bridge]:
    """Find what connects detached pieces, such as a tail, to the rest of the body behind the arms.

    Args:
        image: (h, w, 3) in 0..1.
        body: (h, w) bool, the figure without its limbs.
        arms: (h, w) bool, what is in front of it.
        main: (h, w) bool, marks the piece of the body to which the others belong.
        stain: Pixels around the arms in which their outline tints the body.

    Returns:
        The connections.

    """
    near_arms = dilate(mask_tensor(arms))[0, 0].numpy() > 0
    whole = connected_mask(body, main)
    other = whole & near_arms
    pieces = list(connected_pieces(body & ~whole, near_arms)) if other.any() else []
    colors = _without_stains(image, body, arms, stain) if pieces else image
    bridges = []
    for piece in pieces:
        own = piece & near_arms
        hidden = _between(own, _facing(colors, own, other), body.shape)
        bridges.append(Bridge(hidden & arms, piece))
    return bridges


def _without_stains(image: np.ndarray, body: np.ndarray, arms: np.ndarray, stain: int) -> np.ndarray:
    """Return the colours (h, w, 3) that the body has beside the arms without their tint."""
    known = mask_tensor(body) * (1 - dilate(mask_tensor(arms), stain))
    return fill_smoothly(color_tensor(image), known)[0].numpy().transpose(1, 2, 0)


def _facing(image: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the part of another edge (h, w) that a cut edge continues to: close, of its colour, as wide."""
    cut, places = np.argwhere(own), np.argwhere(other)
    width = max(float(np.ptp(cut, axis=0).max()), 1.0)
    color = np.median(image[own], axis=0)
    away = np.linalg.norm(places[:, None] - _thinned(cut), axis=-1).min(axis=1)
    different = np.abs(image[other] - color).max(axis=-1)
    best = (away + COLOR * width * different).argmin()
    alike = different <= different[best] + SIMILAR
    facing = alike & (np.linalg.norm(places - places[best], axis=-1) <= width)
    mask = np.zeros_like(own)
    mask[tuple(places[facing].T)] = True
    return mask


def _between(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels (h, w) on the lines between two edges."""
    edges = [np.argwhere(edge) + 0.5 for edge in (first, second)]
    starts, ends = (_thinned(edge) for edge in edges)
    longest = np.linalg.norm(starts[:, None] - ends, axis=-1).max()
    part = np.linspace(0, 1, max(2, int(STEPS * longest)))[:, None, None]
    filled = np.zeros(shape, bool)
    for start in starts:  # one at a time, as all lines of a large image do not fit into memory
        places = np.floor(start + part * (ends - start)).astype(int).reshape(-1, 2)
        filled[tuple(places.T)] = True
    gap = max(len(edge) for edge in edges) // MAX_LINES  # pixels between the lines
    return morph_close(mask_tensor(filled), gap)[0, 0].numpy() > 0 if gap else filled


def _thinned(places: np.ndarray) -> np.ndarray:
    """Return at most MAX_LINES of some places (n, 2), evenly spread."""
    return places[np.linspace(0, len(places) - 1, min(len(places), MAX_LINES)).round().astype(int)]
