"""Poses over time: short gaps filled, jitter removed by a One-Euro filter."""

import math

import numpy as np

from ..errors import InvalidInput
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_int
from .keypoints import PoseSequence, seen


def fill_gaps(poses: PoseSequence, limit: int) -> PoseSequence:
    """Interpolate each point where it is missing for at most `limit` frames between two that show it.

    A filled point moves in a straight line at an even speed and has the lower of both ends' scores. Longer
    gaps and those at the ends of the clip stay. limit: frames; 0 fills nothing. Raises InvalidInput for a
    limit that is no whole number of 0 or more.
    """
    require_int("the limit of gaps", limit, least=0)
    points, frames = poses.points, len(poses)
    found, frame = seen(points), np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(found, frame, -1), axis=0)
    after = np.minimum.accumulate(np.where(found, frame, frames)[::-1], axis=0)[::-1]
    filled = ~found & (before >= 0) & (after < frames) & (after - before - 1 <= limit)
    at, point = np.nonzero(filled)
    begin, end = before[at, point], after[at, point]
    part = ((at - begin) / (end - begin))[:, None].astype(np.float32)
    start, stop = points[begin, point], points[end, point]
    between = start + part * (stop - start)
    between[:, 2] = np.minimum(start[:, 2], stop[:, 2])
    result = points.copy()
    result[at, point] = between
    return poses.with_points(result)


SPEED_CUTOFF = 1.0  # Hz, the paper's d_cutoff


def smooth(
    poses: PoseSequence,
    *,
    min_cutoff: float = 1.5,
    beta: float = 30.0,
    fps: float | None = None,
    keep_time: bool = True,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Smooth each coordinate of each point over time; scores stay, and so do points that were not seen.

    min_cutoff: Hz, above 0; what shakes faster than this is damped in a point at rest, so less smooths more.
    beta: Hz by which the cutoff rises for each length of the picture's longer side that the point moves in a
    second, 0 or more; more follows fast motion closer. fps: by default that of the poses.
    keep_time: filter forward and backward and take the mean, so that motion does not come late against the
    music; otherwise only forward, as the paper does for live input, some frames late.
    progress: called for each frame, in either direction; what it raises ends the work.
    A point that was missing starts anew. Raises InvalidInput for other settings and an unknown frame rate.
    """
    fps = poses.fps if fps is None else fps
    if fps is None:
        raise InvalidInput("the frame rate of the poses is unknown, but smoothing needs it: give fps.")
    _require_positive("fps", fps)
    _require_positive("min_cutoff", min_cutoff)
    if not 0 <= beta < math.inf:
        raise InvalidInput(f"beta is {beta}, but it must be a finite number of 0 or more.")
    unit = np.array([poses.width, poses.height]) / max(poses.width, poses.height)
    found = seen(poses.points)
    places = poses.points[..., :2] * unit
    smoothed = one_euro(places, found, fps, min_cutoff, beta, progress)
    if keep_time:
        backward = one_euro(places[::-1], found[::-1], fps, min_cutoff, beta, progress)[::-1]
        smoothed = (smoothed + backward) / 2
    points = poses.points.copy()
    points[found, :2] = (smoothed / unit)[found]
    return poses.with_points(points)


def one_euro(
    places: np.ndarray,
    found: np.ndarray,
    fps: float,
    min_cutoff: float,
    beta: float,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Filter points over time by the paper's algorithm 1, each coordinate on its own.

    places (f, points, 2), found (f, points) bool. A point that is not found keeps its place, and the filter
    begins anew after it.
    """
    smoothed = np.array(places, dtype=np.float64)
    speed = np.zeros(places.shape[1:])
    for now in range(1, len(places)):
        running = (found[now] & found[now - 1])[:, None]
        change = (places[now] - smoothed[now - 1]) * fps
        speed = np.where(running, _low_pass(change, speed, _alpha(SPEED_CUTOFF, fps)), 0)
        alpha = _alpha(min_cutoff + beta * np.abs(speed), fps)
        smoothed[now] = np.where(running, _low_pass(places[now], smoothed[now - 1], alpha), places[now])
        progress(now + 1, len(places))
    return smoothed


def _low_pass(value: np.ndarray, before: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    return before + alpha * (value - before)


def _alpha(cutoff: np.ndarray | float, fps: float) -> np.ndarray | float:
    """Share of the new value that a low-pass filter of this cutoff (Hz) takes."""
    return 1 / (1 + fps / (2 * math.pi * cutoff))


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InvalidInput(f"{name} is {value}, but it must be a finite number above 0.")
