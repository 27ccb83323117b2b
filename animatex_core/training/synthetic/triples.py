"""Triples with ground truth: a reference image, a driving video of another body and the target."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...pose.keypoints import PoseSequence
from .anatomy import apply_motion, draw_placement
from .backdrop import draw_backdrop
from .dances import draw_motion, draw_standing_pose
from .look import Look, draw_character_look, draw_person_look
from .motion import Motion
from .render import render

SHARE = (0.5, 0.78)  # range of the image height that a figure fills
STRIDES = (2, 3, 4)  # frames between two samples, at 24 frames per second
STANDING_SHARE = 0.5  # share of references in a standing pose
SELF_DRIVEN_SHARE = 0.15  # share of triples whose driver is the target itself
TEST_SEED = 1_000_003  # keeps the held-out characters distinct from the training characters


@dataclass(frozen=True, eq=False)
class Scene:
    """A rendered figure in f frames.

    Attributes:
        frames: (f, height, width, 3) uint8 in RGB.
        poses: The true poses of the frames.
        look: Appearance of the figure.
        stature: Length of one stature in pixels.

    """

    frames: np.ndarray
    poses: PoseSequence
    look: Look
    stature: float

    @property
    def body_height(self) -> float:
        """Height from the ground to the top of the head when standing upright, in pixels."""
        return self.look.anatomy.height * self.stature


@dataclass(frozen=True, eq=False)
class Triple:
    """One training or validation example.

    Attributes:
        reference: One frame of the character.
        driver: Another figure that performs the motion; sometimes the target itself.
        target: The character that performs the same motion.
        backdrop: Background of reference and target, for `render`.

    """

    reference: Scene
    driver: Scene
    target: Scene
    backdrop: Image.Image


def draw_triple(
    seed: int,
    number: int,
    frames: int,
    width: int,
    height: int,
    *,
    held_out: bool = False,
    strides: Sequence[int] = STRIDES,
) -> Triple:
    """Generate a triple; equal arguments give equal triples.

    Args:
        seed: Seed of the data set.
        number: Index of the triple.
        frames: Length of driver and target.
        width: Width in pixels.
        height: Height in pixels.
        held_out: Whether to use characters and motion that training never uses.
        strides: Steps between two frames, at 24 frames per second; one is drawn at random.

    Returns:
        The triple.

    """
    rng = np.random.default_rng([TEST_SEED if held_out else 0, seed, number])
    look, times = draw_character_look(rng), np.arange(frames) * float(rng.choice(strides))
    motion = draw_motion(rng, times, held_out=held_out)
    waits = rng.random() < STANDING_SHARE
    own = draw_standing_pose(rng) if waits else draw_motion(rng, np.zeros(1), held_out=held_out)
    stage = _Stage(rng, look, width, height)
    target = stage.show(motion)
    itself = rng.random() < SELF_DRIVEN_SHARE
    driver = target if itself else _Stage(rng, draw_person_look(rng), width, height).show(motion)
    return Triple(stage.show(own), driver, target, stage.backdrop)


def draw_scene(rng: np.random.Generator, frames: int, width: int, height: int, *, held_out: bool) -> Scene:
    """Generate a dancing character or person, for models that are trained on single images."""
    look = draw_dancer_look(rng)
    motion = draw_motion(rng, np.arange(frames) * 3.0, held_out=held_out)
    return _Stage(rng, look, width, height).show(motion)


def draw_dancer_look(rng: np.random.Generator) -> Look:
    """Draw the look of the figure of `draw_scene`, a character or a person, from an equal `rng`."""
    return draw_character_look(rng) if rng.random() < 0.5 else draw_person_look(rng)


class _Stage:
    """A character at a fixed position in front of a background."""

    def __init__(self, rng: np.random.Generator, look: Look, width: int, height: int) -> None:
        self.look = look
        self.place = draw_placement(rng, look.anatomy, width, height, SHARE)
        self.backdrop = draw_backdrop(rng, width, height)

    def show(self, motion: Motion) -> Scene:
        poses = apply_motion(self.look.anatomy, motion, self.place)
        frames = render(self.look, poses, self.place.stature, self.backdrop)
        return Scene(np.stack(list(frames)), poses, self.look, self.place.stature)
