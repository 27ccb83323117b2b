"""A picture to draw on, at twice the size that comes out, so that edges are smooth."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from .look import Color

SCALE = 2
INK = (35, 30, 35)


class Canvas:
    """Draws in pixels of the finished picture; `line`: width of outlines, 0 for none."""

    def __init__(self, background: Image.Image, line: float = 0.0) -> None:
        self.image = background.copy()
        self._draw = ImageDraw.Draw(self.image)
        self.line = line

    def finished(self) -> np.ndarray:
        """Return (height, width, 3) uint8 in RGB."""
        return np.asarray(self.image.reduce(SCALE))

    def disc(self, center: np.ndarray, radius: float, color: Color, *, outlined: bool = True) -> None:
        """Draw a disc."""
        if self.line and outlined:
            self._disc(center, radius + self.line, INK)
        self._disc(center, radius, color)

    def limb(self, places: np.ndarray, width: float, color: Color) -> None:
        """Draw a bent tube through places (n, 2)."""
        if self.line:
            self._limb(places, width + 2 * self.line, INK)
        self._limb(places, width, color)

    def shape(self, corners: np.ndarray, color: Color, *, outlined: bool = True) -> None:
        """Draw a filled polygon (n, 2)."""
        points = _flat(corners)
        self._draw.polygon(points, fill=color)
        if self.line and outlined:
            width = max(1, round(2 * self.line * SCALE))
            self._draw.line([*points, *points[:2]], fill=INK, width=width, joint="curve")

    def curve(self, places: np.ndarray, width: float, color: Color) -> None:
        """Draw a thin line through places (n, 2)."""
        self._draw.line(_flat(places), fill=color, width=max(1, round(width * SCALE)))

    def _disc(self, center: np.ndarray, radius: float, color: Color) -> None:
        x, y = center * SCALE
        r = radius * SCALE
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=color)

    def _limb(self, places: np.ndarray, width: float, color: Color) -> None:
        for start, end in pairwise(places):
            along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
            across = np.array([-along[1], along[0]]) * width / 2
            self._draw.polygon(
                _flat(np.stack([start + across, end + across, end - across, start - across])), color
            )
        for place in places:
            self._disc(place, width / 2, color)


def _flat(places: np.ndarray) -> Sequence[float]:
    return (places * SCALE).reshape(-1).tolist()
