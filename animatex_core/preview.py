"""Poses over the character's picture, to be looked at before the long work."""

from collections.abc import Iterator

import numpy as np

from .encoders.preprocess import resize
from .pose.draw import draw_over
from .pose.skeleton import PoseSequence
from .progress import Progress, no_progress, with_progress

WIDTH, HEIGHT = 1024, 512  # pixels of a previewed frame at the most


def fitted(picture: np.ndarray, most_pixels: float = WIDTH * HEIGHT) -> np.ndarray:
    """Return a picture (h, w, 3) uint8 at the size of a preview, its sides even; most_pixels: of a frame."""
    height, width, _ = picture.shape
    scale = min(HEIGHT / height, WIDTH / width, (most_pixels / (width * height)) ** 0.5)
    return resize(picture, *(max(2, round(side * scale / 2) * 2) for side in (width, height)))


def drawn_over(
    background: np.ndarray, poses: PoseSequence, progress: Progress = no_progress
) -> Iterator[np.ndarray]:
    """Draw each frame's pose over the dimmed background, (h, w, 3) uint8.

    progress: called for each frame; what it raises ends the work.
    """
    frames = with_progress(zip(poses.body, poses.hands, strict=True), len(poses), progress)
    return (draw_over(background, body, hands) for body, hands in frames)
