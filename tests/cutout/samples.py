"""Drawn characters that training never uses, with their true alpha and colors."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from animatex_core.training.synthetic.render import render
from animatex_core.training.synthetic.triples import Scene, draw_triple

SEED = 4


@dataclass(frozen=True, eq=False)
class Sample:
    """A dance in front of a background.

    Attributes:
        frames: (f, h, w, 3) uint8.
        alpha: (f, h, w) of 0..1, true.
        colors: (f, h, w, 3) of 0..255, the character's own where alpha is not 0.
        reference: (h, w, 3) uint8.
        shown: (h, w) bool, where the character is in the reference.

    """

    frames: np.ndarray
    alpha: np.ndarray
    colors: np.ndarray
    reference: np.ndarray
    shown: np.ndarray


def sample(number: int, frames: int = 8, width: int = 160, height: int = 240, noise: float = 0.0) -> Sample:
    """Draw a dance; noise: standard deviation of what is added to its frames, of 255."""
    triple = draw_triple(SEED, number, frames, width, height, held_out=True)
    alpha, colors = true_alpha(triple.target)
    shown = true_alpha(triple.reference)[0][0] > 0.5
    added = np.random.default_rng(number).normal(0, noise, triple.target.frames.shape)
    noisy = (triple.target.frames + added).round().clip(0, 255).astype(np.uint8)
    return Sample(noisy, alpha, colors, triple.reference.frames[0], shown)


def true_alpha(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return alpha and colors of a scene, from the same drawing on white and on black."""
    _, height, width, _ = scene.frames.shape
    on_white, on_black = (
        np.stack(
            list(
                render(
                    scene.look,
                    scene.poses,
                    scene.stature,
                    Image.new("RGB", (2 * width, 2 * height), color),
                )
            )
        ).astype(float)
        for color in ("white", "black")
    )
    alpha = np.clip(1 - (on_white - on_black).mean(axis=-1) / 255, 0, 1)
    return alpha, on_black / np.maximum(alpha, 1e-3)[..., None]
