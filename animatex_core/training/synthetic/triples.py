"""Exact triples: a picture of a character, a dance of another body, and what the character shall do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...pose.keypoints import PoseSequence
from .anatomy import place_in, pose
from .backdrop import draw_backdrop
from .dances import draw_motion, stand
from .look import Look, draw_look, draw_person
from .motion import Motion
from .render import render

SHARE = (0.5, 0.78)  # of the picture's height that somebody fills
STRIDES = (2, 3, 4)  # at 24 frames a second
STANDS = 0.5  # share of references that stand and wait
DRIVES_ITSELF = 0.15
TEST_SEED = 1_000_003  # makes the characters of the tests others than those of the training


@dataclass(frozen=True, eq=False)
class Scene:
    """A figure in f frames: (f, height, width, 3) uint8 in RGB, its poses, and what it looks like.

    stature: its unit of length, in pixels.
    """

    frames: np.ndarray
    poses: PoseSequence
    look: Look
    stature: float

    @property
    def body_height(self) -> float:
        """From the ground to the top of the head when it stands upright, in pixels."""
        return self.look.anatomy.height * self.stature


@dataclass(frozen=True, eq=False)
class Triple:
    """reference: one frame of the character; driver: somebody else's dance; target: the character's own.

    backdrop: that of reference and target, for `render`.
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
    """Make up triple `number`; with `held_out` its characters and motion are none of the training's.

    strides: steps between two frames, of which one is drawn, at 24 frames a second.
    """
    rng = np.random.default_rng([TEST_SEED if held_out else 0, seed, number])
    look, times = draw_look(rng), np.arange(frames) * float(rng.choice(strides))
    motion = draw_motion(rng, times, held_out=held_out)
    waits = rng.random() < STANDS
    own = stand(rng) if waits else draw_motion(rng, np.zeros(1), held_out=held_out)
    stage = _Stage(rng, look, width, height)
    target = stage.show(motion)
    itself = rng.random() < DRIVES_ITSELF
    driver = target if itself else _Stage(rng, draw_person(rng), width, height).show(motion)
    return Triple(stage.show(own), driver, target, stage.backdrop)


def draw_scene(rng: np.random.Generator, frames: int, width: int, height: int, *, held_out: bool) -> Scene:
    """Make up a character or a person who dances, for networks that see pictures alone."""
    look = draw_look(rng) if rng.random() < 0.5 else draw_person(rng)
    motion = draw_motion(rng, np.arange(frames) * 3.0, held_out=held_out)
    return _Stage(rng, look, width, height).show(motion)


class _Stage:
    """A place with a background where somebody dances."""

    def __init__(self, rng: np.random.Generator, look: Look, width: int, height: int) -> None:
        self.look = look
        self.place = place_in(rng, look.anatomy, width, height, SHARE)
        self.backdrop = draw_backdrop(rng, width, height)

    def show(self, motion: Motion) -> Scene:
        poses = pose(self.look.anatomy, motion, self.place)
        frames = render(self.look, poses, self.place.stature, self.backdrop)
        return Scene(np.stack(list(frames)), poses, self.look, self.place.stature)
