"""Where motion comes from: four real dances and what is made up, apart for training and for tests."""

from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ...pose.skeleton import FACE_POINTS, HAND_POINTS, PoseSequence
from ...retarget.bones import PROPORTION
from .anatomy import FPS
from .choreography import choreograph
from .motion import Motion, motion_of

DATA = Path(__file__).parent / "data" / "dances.safetensors"
HELD_OUT = "dance_2"
TEMPO = (0.75, 1.25)
REAL, MIXED = 0.4, 0.25  # shares of real dances, and of a real one's half with something made up


def real_dance(name: str) -> PoseSequence:
    """Read one of the four real dances: bodies alone, at 24 frames a second."""
    stored = load_file(DATA)
    body, (width, height) = stored[name].astype(np.float32), stored[f"{name}_size"].tolist()
    hands = np.zeros((len(body), 2, HAND_POINTS, 3), np.float32)
    face = np.zeros((len(body), FACE_POINTS, 3), np.float32)
    return PoseSequence(body, hands, face, width, height, FPS)


@cache
def real_motions(held_out: bool) -> tuple[Motion, ...]:
    """Return the motion of the dances for training, or of the one that is held out."""
    names = [f"dance_{number}" for number in (1, 2, 3, 4)]
    return tuple(motion_of(real_dance(name), PROPORTION) for name in names if (name == HELD_OUT) == held_out)


def draw_motion(rng: np.random.Generator, times: np.ndarray, *, held_out: bool) -> Motion:
    """Take a stretch of a dance at `times`, in frames of 24 a second that begin with 0."""
    times = times * rng.uniform(*TEMPO)
    kind = rng.random()
    if kind < REAL:
        motion = _stretch(rng, times, held_out)
    elif kind < REAL + MIXED:
        halves = [_stretch(rng, times, held_out), _made_up(rng, times)]
        first = int(rng.integers(2))
        motion = halves[first].with_legs_of(halves[1 - first])
    else:
        motion = _made_up(rng, times)
    return motion.mirrored() if rng.random() < 0.5 else motion


def _stretch(rng: np.random.Generator, times: np.ndarray, held_out: bool) -> Motion:
    dances = real_motions(held_out)
    dance = dances[int(rng.integers(len(dances)))]
    start = rng.uniform(0, max(0.0, len(dance) - 1 - times[-1]))
    return dance.at(start + times)


def _made_up(rng: np.random.Generator, times: np.ndarray) -> Motion:
    return choreograph(rng, int(times[-1]) + 2).at(times)
