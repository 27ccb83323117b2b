"""A bear in the manner of a painting: soft light, fur, and a landscape of brush strokes."""

import numpy as np
from PIL import Image, ImageDraw

from ...pose.keypoints import PoseSequence
from .body import SIDES, StandingBody, draw_body

SEED = 5
HEAD = 0.15
SCALES = {"thigh": 0.72, "shin": 0.68, "upper_arm": 0.95, "forearm": 0.95, "torso": 0.95, "shoulder": 1.25}
LIGHT = np.array([-0.5, -0.65, 0.57])  # towards the light; x right, y down, z to the viewer
FUR, CREAM, DARK = (158, 98, 52), (226, 190, 146), (44, 30, 30)
SHADOW = np.array([58, 38, 74])  # colour of all shadows
SKY = ((94, 106, 164), (238, 176, 130))
MEADOW = ((120, 132, 76), (66, 84, 52))
HORIZON = 0.66  # of the image height
SCALE = 2  # supersampling of brush strokes

Color = tuple[int, int, int]


def draw_bear(width: int, height: int) -> tuple[np.ndarray, PoseSequence]:
    """Draw the bear; returns the image (h, w, 3) uint8 in RGB, and its pose."""
    rng = np.random.default_rng(SEED)
    body = draw_body(rng, SCALES, HEAD, (width, height))
    painting = _Painting(rng, _landscape(rng, width, height))
    painting.shade_ground(body)
    for start, end, radii, color in _parts(body):
        painting.ball(start, end, radii, color)
    return painting.finished(), body.poses


def _parts(body: StandingBody) -> list[tuple[np.ndarray, np.ndarray, tuple[float, float], Color]]:
    """Return rounded parts from back to front: both ends, the radii there in statures, and the colour."""
    nose, neck, hips, side, down = body.at("nose"), body.at("neck"), body.hips, body.side, body.down
    head, unit = HEAD, body.stature
    parts = []
    for name in SIDES:
        hip, knee, ankle, toe = body.limb(name, "hip", "knee", "ankle", "toe")
        parts += [(hip, knee, (0.075, 0.065), FUR), (knee, ankle, (0.065, 0.055), FUR)]
        parts.append((ankle, toe, (0.055, 0.05), CREAM))
    parts.append((neck + 0.04 * unit * down, hips, (0.1, 0.145), FUR))
    parts.append((neck + 0.16 * unit * down, hips - 0.02 * unit * down, (0.075, 0.09), CREAM))
    for sign in (-1, 1):
        ear = nose + unit * head * (0.75 * sign * side - 0.85 * down)
        parts += [(ear, ear, (0.42 * head, 0.42 * head), FUR), (ear, ear, (0.24 * head, 0.24 * head), CREAM)]
    parts.append((nose - 0.1 * unit * head * down, nose, (head, head), FUR))
    muzzle = nose + 0.3 * unit * head * down
    parts.append(
        (muzzle - 0.15 * unit * head * side, muzzle + 0.15 * unit * head * side, (0.36 * head,) * 2, CREAM)
    )
    parts.append((muzzle - 0.2 * unit * head * down,) * 2 + ((0.15 * head,) * 2, DARK))
    for sign in (-1, 1):
        eye = nose + unit * head * (0.4 * sign * side - 0.28 * down)
        parts.append((eye, eye, (0.13 * head,) * 2, DARK))
    for name in SIDES:
        shoulder, elbow, wrist = body.limb(name, "shoulder", "elbow", "wrist")
        parts += [(shoulder, elbow, (0.065, 0.055), FUR), (elbow, wrist, (0.055, 0.05), FUR)]
        paw = wrist + 0.25 * (wrist - elbow)
        parts.append((wrist, paw, (0.06, 0.055), CREAM))
    return [(start, end, (unit * first, unit * last), color) for start, end, (first, last), color in parts]


class _Painting:
    def __init__(self, rng: np.random.Generator, backdrop: np.ndarray) -> None:
        self.rng, self.image = rng, backdrop.astype(float)
        height, width, _ = backdrop.shape
        self.rows, self.columns = np.mgrid[:height, :width] + 0.5
        self.fur = smooth_noise(rng, (height, width), (2, 4, 9))

    def finished(self) -> np.ndarray:
        grain = self.rng.normal(0, 1.5, self.image.shape[:2])[..., None]
        return (self.image + grain).clip(0, 255).round().astype(np.uint8)

    def shade_ground(self, body: StandingBody) -> None:
        """Darken the ground under the feet."""
        (x, _), bottom = body.hips, max(body.at(f"{name}_toe")[1] for name in SIDES)
        away = np.hypot(
            (self.columns - x) / (0.22 * body.stature), (self.rows - bottom) / (0.05 * body.stature)
        )
        self._blend(SHADOW, 0.6 * np.exp(-(away**2)))

    def ball(self, start: np.ndarray, end: np.ndarray, radii: tuple[float, float], color: Color) -> None:
        """Paint a rounded part with light, fur and a soft shadow around it."""
        along = end - start
        x, y = self.columns - start[0], self.rows - start[1]
        part = ((x * along[0] + y * along[1]) / max(float(along @ along), 1e-6)).clip(0, 1)
        radius = radii[0] + part * (radii[1] - radii[0])
        across = (x - part * along[0]) / radius, (y - part * along[1]) / radius
        away = np.hypot(*across)
        self._blend(SHADOW, 0.28 * np.exp(-((away / 1.12) ** 6)))
        fluff = away + 0.05 * self.fur
        light = across[0] * LIGHT[0] + across[1] * LIGHT[1] + np.sqrt((1 - away**2).clip(0)) * LIGHT[2]
        tone = (0.42 + 0.6 * light + 0.12 * self.fur).clip(0, 1.15)[..., None]
        shaded = SHADOW * (1 - tone) + np.array(color) * 1.12 * tone
        self._blend(shaded, ((1 - fluff) * radius / 1.5 + 0.5).clip(0, 1))

    def _blend(self, color: np.ndarray, alpha: np.ndarray) -> None:
        self.image += alpha[..., None] * (color - self.image)


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, ...]) -> np.ndarray:
    """Return noise (height, width) of about -1..1: the mean of random grids with cells of these pixels."""
    height, width = size
    total = np.zeros(size)
    for cell in cells:
        grid = rng.integers(0, 256, (height // cell + 2, width // cell + 2), dtype=np.uint8)
        large = Image.fromarray(grid).resize(
            (grid.shape[1] * cell, grid.shape[0] * cell), Image.Resampling.BICUBIC
        )
        total += np.asarray(large)[:height, :width] / 127.5 - 1
    return total / len(cells)


def _landscape(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Paint sky, sun, hills and a meadow in brush strokes, (h, w, 3) uint8."""
    horizon = round(HORIZON * height)
    image = np.concatenate([_gradient(*SKY, horizon, width), _gradient(*MEADOW, height - horizon, width)])
    rows, columns = np.mgrid[:height, :width]
    glow = np.exp(-(((columns - 0.78 * width) ** 2 + (rows - 0.3 * height) ** 2) / (0.22 * width) ** 2))
    image += 0.7 * glow[..., None] * (np.array([255, 226, 168]) - image)
    hills = HORIZON * height - 0.07 * height * (1 + np.sin(columns / width * 7 + 1)) - 4
    image[(rows > hills) & (rows < horizon)] = (104, 104, 130)
    return _strokes(rng, image, horizon)


def _gradient(top: Color, bottom: Color, height: int, width: int) -> np.ndarray:
    return np.repeat(np.linspace(top, bottom, height)[:, None], width, axis=1)


def _strokes(rng: np.random.Generator, image: np.ndarray, horizon: int) -> np.ndarray:
    """Redraw an image (h, w, 3) in brush strokes, upright ones below the horizon."""
    height, width, _ = image.shape
    canvas = Image.fromarray(image.astype(np.uint8)).resize((width * SCALE, height * SCALE))
    draw = ImageDraw.Draw(canvas)
    for _ in range(width * height // 30):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        color = image[int(y), int(x)] + rng.normal(0, 9) + rng.normal(0, 5, 3)
        angle = rng.normal(np.pi / 2 if y > horizon else 0.15, 0.25)
        reach = rng.uniform(3, 9) * np.array([np.cos(angle), np.sin(angle)])
        ends = [
            (x - reach[0]) * SCALE,
            (y - reach[1]) * SCALE,
            (x + reach[0]) * SCALE,
            (y + reach[1]) * SCALE,
        ]
        draw.line(ends, fill=tuple(color.clip(0, 255).astype(int).tolist()), width=int(rng.integers(3, 7)))
    return np.asarray(canvas.reduce(SCALE))
