"""Backgrounds made up from a seed, which stand still."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from .canvas import SCALE
from .look import Color

Rng = np.random.Generator


def draw_backdrop(rng: Rng, width: int, height: int) -> Image.Image:
    """Make up a background for a `Canvas` of this size."""
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


Backdrop = Callable[[Rng, tuple[int, int], Color, Color], Image.Image]
KINDS: tuple[Backdrop, ...] = (_plain, _floor, _floor, _gradient, _tiles, _bubbles, _hills)


def _horizon(rng: Rng, size: tuple[int, int]) -> int:
    return int(rng.uniform(0.6, 0.88) * size[1])


def _pale(rng: Rng) -> Color:
    red, green, blue = (int(each) for each in rng.uniform(150, 250, 3))
    return red, green, blue
