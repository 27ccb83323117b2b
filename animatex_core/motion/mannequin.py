"""Frames of a plain mannequin, in place of a driving video: what the implicit pose indicator reads.

Limbs are capsules, lighter towards the light, painted from far to near. Widths are in statures.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..pose.keypoints import HAND_POINTS, HANDS, JOINT
from ..pose.raster import Spans, discs, ellipse_corners, lines, paint, polygons
from ..utils.progress import Progress, no_progress, with_progress
from .body import HEAD
from .camera import SeenBody

SCALE = 2  # supersampling: pixels drawn per pixel of the frame
MAX_COORDINATE = 1 << 20  # pixels
WALL, FLOOR, HORIZON = (206, 208, 212), (178, 176, 172), 0.8
SUIT, TROUSERS, SKIN, SHOES, HAIR, INK = (
    (96, 122, 152), (72, 82, 102), (222, 188, 162), (52, 50, 56), (84, 62, 48), (40, 34, 38),
)  # fmt: skip
LIMBS = (
    ("shoulder", "elbow", 0.03, SUIT), ("elbow", "wrist", 0.025, SUIT),
    ("hip", "knee", 0.046, TROUSERS), ("knee", "ankle", 0.034, TROUSERS), ("ankle", "toe", 0.024, SHOES),
)  # fmt: skip
TRUNK, NECK, HAND, FINGER = 0.055, 0.028, 0.026, 0.007
LIGHT = np.array([-0.28, -0.28])  # of the highlight, in radii: from the upper left
HIGHLIGHT = 0.62  # width of the highlight, relative to the limb
BRIGHTER, SHADE = 1.14, 0.45  # of the highlight, and of one stature of depth
SKULL_WIDTH, HAIR_WIDTH = 0.40, 0.43  # half widths in heights of the head
EYE, MOUTH = 0.05, 0.16  # radius, and half the length

Color = tuple[int, int, int]


def draw_mannequins(seen: SeenBody, progress: Progress = no_progress) -> Iterator[np.ndarray]:
    """Draw a mannequin frame by frame.

    Args:
        seen: The body, as the camera sees it.
        progress: Called for each frame. An exception it raises stops the work.

    Yields:
        (height, width, 3) uint8, RGB.

    """
    stage = _stage(seen.width, seen.height)
    for frame in with_progress(range(len(seen)), len(seen), progress):
        image = stage.copy()
        _Figure(seen, frame).draw(image)
        yield _reduced(image)


def _stage(width: int, height: int) -> np.ndarray:
    image = np.empty((SCALE * height, SCALE * width, 3), np.uint8)
    image[:] = WALL
    image[round(HORIZON * SCALE * height) :] = FLOOR
    return image


def _reduced(image: np.ndarray) -> np.ndarray:
    """Return the mean of each square of SCALE x SCALE pixels."""
    sums = np.full((image.shape[0] // SCALE, image.shape[1] // SCALE, 3), SCALE * SCALE // 2, np.uint16)
    for row in range(SCALE):
        for column in range(SCALE):
            sums += image[row::SCALE, column::SCALE]
    return (sums // (SCALE * SCALE)).astype(np.uint8)


@dataclass
class _Figure:
    """The shapes of one frame, collected with their depth and painted from far to near."""

    seen: SeenBody
    frame: int
    layers: list[tuple[float, Spans, list[Color]]] = field(default_factory=list)

    def draw(self, image: np.ndarray) -> None:
        self._size = image.shape[1], image.shape[0]
        self._trunk()
        for side in ("right", "left"):
            for start, end, radius, color in LIMBS:
                self._limb(JOINT[f"{side}_{start}"], JOINT[f"{side}_{end}"], radius, color)
            self._hand(side)
        self._head()
        for _, spans, colors in sorted(self.layers, key=lambda layer: layer[0]):
            paint(image, spans, np.array(colors, np.uint8))

    @property
    def _unit(self) -> float:
        return SCALE * self.seen.stature

    def _at(self, point: int) -> np.ndarray:
        return self.seen.points[self.frame, point] * SCALE

    def _has(self, *points: int) -> bool:
        return bool(self.seen.visible[self.frame, list(points)].all())

    def _shaded(self, color: Color, depth: float, factor: float = 1.0) -> Color:
        """Darken what is farther away than the hips."""
        hips = (self._at(JOINT["left_hip"]) + self._at(JOINT["right_hip"]))[2] / 2
        near = factor * float(np.clip(1 + SHADE * (depth - hips) / self._unit, 0.7, 1.15))
        red, green, blue = (min(255, round(near * part)) for part in color)
        return red, green, blue

    def _trunk(self) -> None:
        corners = [
            self._at(JOINT[name]) for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
        ]
        radius, depth = TRUNK * self._unit, float(np.mean([corner[2] for corner in corners]))
        ring = [*zip(corners, corners[1:] + corners[:1], strict=True)]
        inside = polygons(_whole(np.stack(corners)[None, :, :2]), *self._size)
        rim = _lines([(start[:2], end[:2]) for start, end in ring], radius, self._size)
        self._add(
            depth, Spans.joined(inside, rim.labelled(np.zeros(len(ring), int))), [self._shaded(SUIT, depth)]
        )
        if self._has(JOINT["neck"]):
            self._capsule(self._at(JOINT["neck"]), self._skull - 0.25 * self._head_up, NECK, SKIN)

    def _limb(self, start: int, end: int, radius: float, color: Color) -> None:
        if self._has(start, end):
            self._capsule(self._at(start), self._at(end), radius, color)

    def _capsule(self, start: np.ndarray, end: np.ndarray, radius: float, color: Color) -> None:
        width, depth = radius * self._unit, float(start[2] + end[2]) / 2
        lit = LIGHT * width
        body = _lines([(start[:2], end[:2])], width, self._size)
        light = _lines([(start[:2] + lit, end[:2] + lit)], HIGHLIGHT * width, self._size)
        shapes = Spans.joined(body, light.labelled(np.array([1])))
        self._add(depth, shapes, [self._shaded(color, depth), self._shaded(color, depth, BRIGHTER)])

    def _hand(self, side: str) -> None:
        wrist, elbow = JOINT[f"{side}_wrist"], JOINT[f"{side}_elbow"]
        if not self._has(wrist, elbow):
            return
        hand = HANDS[0] if side == "left" else HANDS[1]
        fingers = [point for point in range(hand.start + 1, hand.start + HAND_POINTS) if self._has(point)]
        along = self._at(wrist) - self._at(elbow)
        palm = self._at(wrist) + HAND * self._unit * along / max(float(np.linalg.norm(along)), 1e-6)
        self._capsule(self._at(wrist), palm, HAND, SKIN)
        for point in fingers:
            before = point - 1 if (point - hand.start) % 4 != 1 else hand.start
            if self._has(before):
                self._capsule(self._at(before), self._at(point), FINGER, SKIN)

    @property
    def _skull(self) -> np.ndarray:
        return self.seen.skull[self.frame] * SCALE

    @property
    def _head_up(self) -> np.ndarray:
        """The height of the head, towards its top."""
        return HEAD * self._unit * self.seen.head[self.frame, 1]

    def _head(self) -> None:
        size = HEAD * self._unit
        left, up, front = size * self.seen.head[self.frame]
        face, hair = self._skull + 0.06 * front, self._skull + 0.06 * up - 0.10 * front
        shapes = [(face, SKULL_WIDTH, SKIN), (hair, HAIR_WIDTH, HAIR)]
        nearer = max(float(self._skull[2]), float(self._at(JOINT["neck"])[2])) + 0.3 * size
        for number, (center, width, color) in enumerate(sorted(shapes, key=lambda shape: shape[0][2])):
            self._add(nearer + number, self._ellipse(center, up, width * size), [self._shaded(color, nearer)])
        self._features(nearer + 2, size, left, up)

    def _ellipse(self, center: np.ndarray, up: np.ndarray, half_width: float) -> Spans:
        """Return an egg of the head's height; seen from above it is as wide as deep."""
        flat, depth = float(np.linalg.norm(up[:2])), float(abs(up[2]))
        half = np.hypot(0.5 * flat, 0.45 * depth)
        degrees = round(float(np.degrees(np.arctan2(up[1], up[0])))) if flat > 1e-6 else 90
        corners = ellipse_corners(
            _whole(center[None, :2]), np.array([half]), max(1, round(half_width)), np.array([degrees])
        )
        return polygons(corners, *self._size)

    def _features(self, depth: float, size: float, left: np.ndarray, up: np.ndarray) -> None:
        for name in ("left_eye", "right_eye"):
            if self._has(JOINT[name]):
                self._add(
                    depth, discs(_whole(self._at(JOINT[name])[None, :2]), max(1, round(EYE * size))), [INK]
                )
        if self._has(JOINT["nose"]):
            nose = self._at(JOINT["nose"])
            tip = discs(_whole(nose[None, :2]), max(1, round(EYE * size)))
            self._add(depth, tip, [self._shaded(SKIN, float(nose[2]), 0.86)])
        if self._has(JOINT["nose"], JOINT["left_eye"], JOINT["right_eye"]):
            middle = self._at(JOINT["nose"]) - 0.2 * up
            ends = (middle - MOUTH * left)[:2], (middle + MOUTH * left)[:2]
            self._add(depth, _lines([ends], 0.02 * size, self._size), [INK])

    def _add(self, depth: float, spans: Spans, colors: list[Color]) -> None:
        self.layers.append((depth, spans, colors))


def _lines(ends: list[tuple[np.ndarray, np.ndarray]], radius: float, size: tuple[int, int]) -> Spans:
    joined = np.array([np.concatenate(pair) for pair in ends])
    return lines(_whole(joined), max(1, round(2 * radius)), *size)


def _whole(places: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(places, -MAX_COORDINATE, MAX_COORDINATE)).astype(np.int64)
