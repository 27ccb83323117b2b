"""Made-up clips for the TI2V task: a figure stands still before something that moves as the text says."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ..procedural.anatomy import place_in, pose
from ..procedural.backdrop import draw_backdrop
from ..procedural.canvas import SCALE
from ..procedural.choreography import stand
from ..procedural.look import Color, draw_look
from ..procedural.render import render
from ..procedural.triples import SHARE, TEST_SEED

COLORS: dict[str, Color] = {
    "white": (250, 250, 250), "red": (210, 50, 45), "blue": (50, 80, 200), "green": (40, 150, 70),
}  # fmt: skip
WAYS = {"fall": (0.0, 1.0), "rise": (0.0, -1.0), "drift left": (-1.0, 0.0), "drift right": (1.0, 0.0)}
SPEEDS = {"slowly": 0.02, "fast": 0.07}  # of the picture's height a frame
SHAPES = ("dots", "squares")
FLAKES = 24


@dataclass(frozen=True)
class Weather:
    """What moves: words of the tables above."""

    color: str
    shape: str
    way: str
    speed: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Weather":
        """Draw one of all that can be said."""
        tables = (tuple(COLORS), SHAPES, tuple(WAYS), tuple(SPEEDS))
        return cls(*(str(rng.choice(table)) for table in tables))

    @property
    def caption(self) -> str:
        """The text that a clip goes with."""
        return f"{self.color} {self.shape} {self.way} {self.speed} behind a figure."


@dataclass(frozen=True, eq=False)
class WeatherClip:
    """frames: (f, height, width, 3) uint8 in RGB."""

    frames: np.ndarray
    caption: str


def draw_weather(
    seed: int, number: int, frames: int, width: int, height: int, *, held_out: bool = False
) -> WeatherClip:
    """Make up clip `number`; with `held_out` it is none of the training's."""
    rng = np.random.default_rng([TEST_SEED if held_out else 0, seed, number, 1])
    weather, look = Weather.drawn(rng), draw_look(rng)
    place = place_in(rng, look.anatomy, width, height, SHARE)
    poses, backdrop = pose(look.anatomy, stand(rng), place), draw_backdrop(rng, width, height)
    flakes = rng.random((FLAKES, 2)) * (width, height), rng.uniform(0.01, 0.03, FLAKES) * height
    shown = [
        next(render(look, poses, place.stature, _with_flakes(backdrop, weather, *flakes, frame)))
        for frame in range(frames)
    ]
    return WeatherClip(np.stack(shown), weather.caption)


def _with_flakes(
    backdrop: Image.Image, weather: Weather, places: np.ndarray, radii: np.ndarray, frame: int
) -> Image.Image:
    image = backdrop.copy()
    draw = ImageDraw.Draw(image)
    shape = draw.ellipse if weather.shape == "dots" else draw.rectangle
    step = np.array(WAYS[weather.way]) * SPEEDS[weather.speed] * image.height
    for place, radius in zip(places * SCALE, radii * SCALE, strict=True):
        x, y = (place + frame * step) % image.size
        shape([x - radius, y - radius, x + radius, y + radius], fill=COLORS[weather.color])
    return image
