"""Two drawn dancers who cross, with their true poses."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.training.synthetic.anatomy import Placement, apply_motion
from animatex_core.training.synthetic.backdrop import Canvas, draw_backdrop
from animatex_core.training.synthetic.dances import draw_motion
from animatex_core.training.synthetic.look import Look, draw_person_look
from animatex_core.training.synthetic.render import Figure

WIDTH, HEIGHT, FRAMES = 384, 256, 40
LEFT, RIGHT = 0.2, 0.8


@lru_cache
def _dancers(seed: int, back: bool) -> tuple[tuple[Look, PoseSequence, float], ...]:
    rng = np.random.default_rng(seed)
    return tuple(_dancer(rng, *ends, back) for ends in ((LEFT, RIGHT), (RIGHT, LEFT)))


def _dancer(
    rng: np.random.Generator, start: float, end: float, back: bool
) -> tuple[Look, PoseSequence, float]:
    look, motion = draw_person_look(rng), draw_motion(rng, np.arange(FRAMES) * 2.0, held_out=False)
    stature = rng.uniform(0.55, 0.75) * HEIGHT / look.anatomy.height
    poses = apply_motion(look.anatomy, motion, Placement(WIDTH, HEIGHT, stature, 0.93 * HEIGHT, WIDTH / 2))
    part = np.linspace(0, 1, FRAMES)
    part = (1 - np.abs(2 * part - 1)) * 0.5 if back else part  # to the middle and back, or across
    points = poses.points.copy()
    points[..., 0] += np.where(points[..., 2] > 0, (start + (end - start) * part - 0.5)[:, None], 0)
    return look, poses.with_points(points), stature


def crossing(seed: int, back: bool = False) -> tuple[PoseSequence, ...]:
    """Return the poses of both; back: they meet in the middle and turn."""
    return tuple(poses for _, poses, _ in _dancers(seed, back))


def draw_crossing(seed: int, back: bool = False) -> tuple[tuple[PoseSequence, ...], list[np.ndarray]]:
    """Return the poses of both, and the frames (h, w, 3) uint8; the second one is in front."""
    backdrop = draw_backdrop(np.random.default_rng(seed), WIDTH, HEIGHT)
    frames = []
    for index in range(FRAMES):
        canvas = Canvas(backdrop)
        for look, poses, stature in _dancers(seed, back):
            body = poses.body[index]
            Figure(look, canvas, body[:, :2] * np.array([WIDTH, HEIGHT], float), seen(body), stature).draw()
        frames.append(canvas.finished())
    return crossing(seed, back), frames


def shuffled(people: Sequence[PoseSequence], seed: int, covered: float = 2.0) -> list[np.ndarray]:
    """Return the people of each frame in random order.

    covered: overlap of the boxes above which only the second one is found, as behind one another.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for each in zip(*(poses.points for poses in people), strict=True):
        kept = each[1:] if _overlap(*map(_box, each)) > covered else each
        frames.append(np.stack(kept)[rng.permutation(len(kept))])
    return frames


def _box(points: np.ndarray) -> np.ndarray:
    places = points[seen(points), :2]
    return np.concatenate([places.min(axis=0), places.max(axis=0)])


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = np.clip(sides, 0, None).prod()
    return float(shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared))
