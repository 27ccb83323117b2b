"""Decide which pixels of a frame are the character, before its edges are made soft."""

from torch import Tensor

from .morphology import connected, grown, holes, shrunk

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
