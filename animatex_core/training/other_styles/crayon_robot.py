"""A robot in the manner of a child's drawing: crayon on squared paper, with white gaps in all areas."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from ...pose.keypoints import PoseSequence
from ..synthetic.anatomy import unit
from .body import SIDES, StandingBody, draw_body
from .painted_bear import smooth_noise

SEED = 11
HEAD = 0.13
SCALES = {"thigh": 0.85, "shin": 0.85, "upper_arm": 0.9, "forearm": 0.9, "shoulder": 1.35, "torso": 0.9}
PAPER, RULING, INK = (250, 248, 240), (190, 210, 230), (60, 56, 64)
RED, BLUE, YELLOW, GREEN = (214, 66, 56), (60, 110, 196), (240, 190, 50), (84, 160, 90)
SQUARE = 16  # pixels between the lines of the paper
HATCH = 4  # pixels between the strokes that fill an area
SCALE = 2  # supersampling

Color = tuple[int, int, int]


def draw_robot(width: int, height: int) -> tuple[np.ndarray, PoseSequence]:
    """Draw the robot; returns the image (h, w, 3) uint8 in RGB, and its pose."""
    rng = np.random.default_rng(SEED)
    body = draw_body(rng, SCALES, HEAD, (width, height))
    drawing = _Drawing(rng, width, height)
    _draw_parts(drawing, body)
    return drawing.finished(), body.poses


def _draw_parts(drawing: "_Drawing", body: StandingBody) -> None:
    """Draw all parts from back to front."""
    length, side, down = body.stature, body.side, body.down
    for name in SIDES:
        drawing.limb(body.limb(name, "hip", "knee", "ankle"), 0.075 * length, BLUE)
        ankle, toe = body.limb(name, "ankle", "toe")
        drawing.area(_box(ankle, toe + 0.8 * (toe - ankle), 0.07 * length), INK)
    top = body.at("neck") + 0.02 * length * down
    drawing.area(_box(top, body.hips + 0.05 * length * down, 0.3 * length), RED)
    middle = top + 0.14 * length * down
    drawing.area(_box(middle - 0.08 * length * side, middle + 0.08 * length * side, 0.1 * length), YELLOW)
    drawing.area(_box(top, body.at("nose"), 0.1 * length), GREEN)
    _draw_head(drawing, body)
    for name in SIDES:
        shoulder, elbow, wrist = body.limb(name, "shoulder", "elbow", "wrist")
        drawing.limb([shoulder, elbow, wrist], 0.06 * length, GREEN)
        drawing.area(_circle(wrist + 0.2 * (wrist - elbow), 0.055 * length), YELLOW)


def _draw_head(drawing: "_Drawing", body: StandingBody) -> None:
    nose, side, down, radius = body.at("nose"), body.side, body.down, body.head
    crown = nose - radius * down
    drawing.line(np.stack([crown, crown - 0.7 * radius * down]))
    drawing.area(_circle(crown - 0.8 * radius * down, 0.2 * radius), RED)
    drawing.area(_box(crown, nose + 0.75 * radius * down, 1.9 * radius), YELLOW)
    for sign in (-1, 1):
        eye = nose + radius * (0.45 * sign * side - 0.35 * down)
        drawing.area(_circle(eye, 0.24 * radius), PAPER)
        drawing.area(_circle(eye, 0.06 * radius), INK)
    mouth = nose + 0.35 * radius * down
    drawing.line(
        np.stack([mouth + radius * (x * side + y * down) for x, y in ((-0.5, -0.1), (0, 0.1), (0.5, -0.1))])
    )


class _Drawing:
    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.size = rng, (width * SCALE, height * SCALE)
        self.image = Image.new("RGB", self.size, PAPER)
        draw = ImageDraw.Draw(self.image)
        for x in range(SQUARE // 2, width, SQUARE):
            draw.line([x * SCALE, 0, x * SCALE, height * SCALE], fill=RULING, width=SCALE)
        for y in range(SQUARE // 2, height, SQUARE):
            draw.line([0, y * SCALE, width * SCALE, y * SCALE], fill=RULING, width=SCALE)
        # Crayon does not reach the hollows of the paper.
        self.tooth = smooth_noise(rng, self.size[::-1], (2, 3)) > -0.35

    def finished(self) -> np.ndarray:
        return np.asarray(self.image.reduce(SCALE))

    def limb(self, joints: list[np.ndarray], width: float, color: Color) -> None:
        """Draw a limb as one box per bone."""
        for start, end in pairwise(joints):
            self.area(_box(start, end, width), color)

    def area(self, corners: np.ndarray, color: Color) -> None:
        """Fill a polygon (n, 2) with strokes, which leave gaps, and draw its outline."""
        inside = Image.new("L", self.size)
        ImageDraw.Draw(inside).polygon(_flat(corners), fill=255)
        self.image.paste(PAPER, mask=inside)
        strokes = Image.new("L", self.size)
        draw = ImageDraw.Draw(strokes)
        middle, reach = corners.mean(axis=0), float(np.ptp(corners, axis=0).max())
        angle = self.rng.uniform(0.5, 1.1)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        for offset in np.arange(-reach, reach, HATCH):
            start = middle + (offset + self.rng.normal(0, 0.6)) * across
            ends = np.stack([start - reach * along, start + reach * along + self.rng.normal(0, 2, 2)])
            draw.line(_flat(ends), fill=255, width=round(2.6 * SCALE))
        filled = (np.asarray(strokes) > 0) & (np.asarray(inside) > 0) & self.tooth
        self.image.paste(color, mask=Image.fromarray(filled))
        self.line(np.concatenate([corners, corners[:1]]))

    def line(self, points: np.ndarray) -> None:
        """Draw a line through points (n, 2) twice, with an unsteady hand."""
        strokes = Image.new("L", self.size)
        for _ in range(2):
            shaky = points + self.rng.normal(0, 0.8, points.shape)
            ImageDraw.Draw(strokes).line(_flat(shaky), fill=255, width=round(1.3 * SCALE), joint="curve")
        self.image.paste(INK, mask=Image.fromarray((np.asarray(strokes) > 0) & self.tooth))


def _box(start: np.ndarray, end: np.ndarray, width: float) -> np.ndarray:
    along = unit(end - start)
    across = np.array([-along[1], along[0]]) * width / 2
    return np.stack([start + across, end + across, end - across, start - across])


def _circle(center: np.ndarray, radius: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _flat(points: np.ndarray) -> list[float]:
    return (points * SCALE).reshape(-1).tolist()
