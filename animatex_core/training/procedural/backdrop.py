"""Backgrounds made up from a seed, which stand still."""

import numpy as np
from PIL import Image, ImageDraw

from .canvas import SCALE
from .look import Color

KINDS = ("plain", "floor", "floor", "gradient", "tiles", "bubbles", "hills")


def draw_backdrop(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Make up a background for a `Canvas` of this size."""
    size = width * SCALE, height * SCALE
    kind = str(rng.choice(KINDS))
    wall, floor = _pale(rng), _pale(rng)
    if kind == "gradient":
        return _gradient(size, wall, floor)
    image = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(image)
    horizon = int(rng.uniform(0.6, 0.88) * size[1])
    if kind in ("floor", "hills"):
        draw.rectangle([0, horizon, *size], fill=floor)
    if kind == "hills":
        for _ in range(3):
            x, radius = rng.uniform(0, size[0]), rng.uniform(0.1, 0.4) * size[0]
            draw.ellipse([x - radius, horizon - radius / 2, x + radius, horizon + radius / 2], fill=floor)
    elif kind == "tiles":
        side = int(rng.uniform(0.15, 0.3) * size[0])
        for x in range(0, size[0], side):
            for y in range(side * (x // side % 2), size[1], 2 * side):
                draw.rectangle([x, y, x + side - 1, y + side - 1], fill=floor)
    elif kind == "bubbles":
        for _ in range(8):
            x, y, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0.04, 0.15) * size[0]
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=floor)
    return image


def _gradient(size: tuple[int, int], top: Color, bottom: Color) -> Image.Image:
    column = np.linspace(top, bottom, size[1]).astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None], size[0], axis=1))


def _pale(rng: np.random.Generator) -> Color:
    red, green, blue = (int(each) for each in rng.uniform(150, 250, 3))
    return red, green, blue
