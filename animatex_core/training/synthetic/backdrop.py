"""Random backgrounds, and the supersampled canvas that characters are drawn on."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from .look import Color

SCALE = 2  # supersampling: canvas pixels per pixel of the finished image
INK = (35, 30, 35)

Rng = np.random.Generator
Backdrop = Callable[[Rng, tuple[int, int], Color, Color], Image.Image]


class Canvas:
    """Draws in coordinates of the finished image.

    Args:
        background: An image of SCALE times the finished size. It is copied.
        line: Width of outlines in pixels; 0 draws none.

    """

    def __init__(self, background: Image.Image, line: float = 0.0) -> None:
        self.image = background.copy()
        self._draw = ImageDraw.Draw(self.image)
        self.line = line

    def finished(self) -> np.ndarray:
        """Return the finished image, (height, width, 3) uint8 in RGB."""
        return np.asarray(self.image.reduce(SCALE))

    def disc(self, center: np.ndarray, radius: float, color: Color, *, outlined: bool = True) -> None:
        """Draw a disc."""
        if self.line and outlined:
            self._disc(center, radius + self.line, INK)
        self._disc(center, radius, color)

    def limb(self, points: np.ndarray, width: float, color: Color) -> None:
        """Draw a polyline through points (n, 2) with round joints."""
        if self.line:
            self._limb(points, width + 2 * self.line, INK)
        self._limb(points, width, color)

    def shape(self, corners: np.ndarray, color: Color, *, outlined: bool = True) -> None:
        """Draw a filled polygon with corners (n, 2)."""
        outline = _flat(corners)
        self._draw.polygon(outline, fill=color)
        if self.line and outlined:
            width = max(1, round(2 * self.line * SCALE))
            self._draw.line([*outline, *outline[:2]], fill=INK, width=width, joint="curve")

    def curve(self, points: np.ndarray, width: float, color: Color) -> None:
        """Draw a thin line through points (n, 2)."""
        self._draw.line(_flat(points), fill=color, width=max(1, round(width * SCALE)))

    def _disc(self, center: np.ndarray, radius: float, color: Color) -> None:
        x, y = center * SCALE
        r = radius * SCALE
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=color)

    def _limb(self, points: np.ndarray, width: float, color: Color) -> None:
        for start, end in pairwise(points):
            along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
            across = np.array([-along[1], along[0]]) * width / 2
            self._draw.polygon(
                _flat(np.stack([start + across, end + across, end - across, start - across])), color
            )
        for point in points:
            self._disc(point, width / 2, color)


def _flat(points: np.ndarray) -> Sequence[float]:
    return (points * SCALE).reshape(-1).tolist()


def draw_backdrop(rng: Rng, width: int, height: int) -> Image.Image:
    """Draw a random background for a `Canvas` of this size in pixels."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    return kind(rng, (width * SCALE, height * SCALE), _pale(rng), _pale(rng))


def _plain(_rng: Rng, size: tuple[int, int], wall: Color, _floor: Color) -> Image.Image:
    return Image.new("RGB", size, wall)


def _floor(rng: Rng, size: tuple[int, int], wall: Color, floor: Color) -> Image.Image:
    image = Image.new("RGB", size, wall)
    ImageDraw.Draw(image).rectangle([0, _horizon(rng, size), *size], fill=floor)
    return image


def _hills(rng: Rng, size: tuple[int, int], wall: Color, floor: Color) -> Image.Image:
    image = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(image)
    horizon = _horizon(rng, size)
    draw.rectangle([0, horizon, *size], fill=floor)
    for _ in range(3):
        x, radius = rng.uniform(0, size[0]), rng.uniform(0.1, 0.4) * size[0]
        draw.ellipse([x - radius, horizon - radius / 2, x + radius, horizon + radius / 2], fill=floor)
    return image


def _gradient(_rng: Rng, size: tuple[int, int], wall: Color, floor: Color) -> Image.Image:
    column = np.linspace(wall, floor, size[1]).astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None], size[0], axis=1))


def _tiles(rng: Rng, size: tuple[int, int], wall: Color, floor: Color) -> Image.Image:
    image = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(image)
    side = int(rng.uniform(0.15, 0.3) * size[0])
    for x in range(0, size[0], side):
        for y in range(side * (x // side % 2), size[1], 2 * side):
            draw.rectangle([x, y, x + side - 1, y + side - 1], fill=floor)
    return image


def _bubbles(rng: Rng, size: tuple[int, int], wall: Color, floor: Color) -> Image.Image:
    image = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        x, y, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0.04, 0.15) * size[0]
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=floor)
    return image


KINDS: tuple[Backdrop, ...] = (_plain, _floor, _floor, _gradient, _tiles, _bubbles, _hills)


def _horizon(rng: Rng, size: tuple[int, int]) -> int:
    return int(rng.uniform(0.6, 0.88) * size[1])


def _pale(rng: Rng) -> Color:
    red, green, blue = (int(each) for each in rng.uniform(150, 250, 3))
    return red, green, blue
