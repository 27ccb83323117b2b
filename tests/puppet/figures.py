"""Poses and simple figures, drawn in plain colours."""

from dataclasses import replace

import numpy as np

from animatex_core.pose.keypoints import JOINT, PoseSequence
from tests.retarget.motion import STANDING, figure

WIDTH, HEIGHT = 256, 384
RED, BLUE, GREEN, WHITE = (200, 40, 40), (40, 60, 200), (40, 180, 60), (250, 250, 250)
Color = tuple[int, int, int]


def standing() -> PoseSequence:
    """A person in an image of 256x384 pixels."""
    return replace(figure(STANDING, 1), width=WIDTH, height=HEIGHT)


def moved(poses: PoseSequence, **joints: tuple[float, float]) -> PoseSequence:
    """Move joints, in fractions of the image."""
    points = poses.points.copy()
    for name, (x, y) in joints.items():
        points[:, JOINT[name]] = x, y, 1
    return poses.with_points(points)


def body_with_arms(background: Color = WHITE) -> np.ndarray:
    """An image of `standing`: a red body, its blue arms beside it."""
    image = np.full((HEIGHT, WIDTH, 3), background, np.uint8)
    image[48:320, 104:152] = RED
    image[104:196, 88:104] = image[104:196, 152:168] = BLUE
    return image


def near(pixels: np.ndarray, color: Color) -> np.ndarray:
    return np.abs(pixels.astype(int) - color).max(axis=-1) < 60


def disc(image: np.ndarray, x: float, y: float, radius: float, color: Color) -> None:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    image[np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius] = color
