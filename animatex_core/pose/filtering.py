"""Filters over time: fills short gaps, and reduces jitter with a One-Euro filter."""

import math

import numpy as np

from ..errors import InvalidInput
from ..utils.progress import Progress, no_progress
from ..utils.validation import require_int
from .keypoints import PoseSequence, seen


def fill_gaps(poses: PoseSequence, limit: int) -> PoseSequence:
    """Interpolate points that are missing for at most `limit` frames between two frames that show them.

    A filled point moves linearly and gets the lower score of both ends. Longer gaps and those at the ends of
    the video remain.

    Args:
        poses: The poses.
        limit: Maximum length of a gap in frames; 0 fills nothing.

    Raises:
        InvalidInput: The limit is not a whole number of at least 0.

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
    """Smooth the coordinates of each point over time. Scores and points that are not visible stay unchanged.

    A point that reappears restarts its filter.

    Args:
        poses: The poses.
        min_cutoff: Cutoff frequency in Hz for a point at rest, above 0. Lower values smooth more.
        beta: Increase of the cutoff in Hz per speed, where 1 is the longer side of the image per second; 0 or
            more. Higher values follow fast motion more closely.
        fps: Frame rate; None uses that of the poses.
        keep_time: Filter forward and backward and average both, so that motion is not delayed. If False,
            filter forward only, as the One-Euro paper does for live input, which delays motion by a few
            frames.
        progress: Called for each frame in each direction. An exception it raises stops the work.

    Raises:
        InvalidInput: A setting is out of range, or the frame rate is unknown.

    """
    fps = poses.fps if fps is None else fps
    if fps is None:
        raise InvalidInput("the frame rate of the poses is unknown, but smoothing needs it: give fps.")
    _require_positive("fps", fps)
    _require_positive("min_cutoff", min_cutoff)
    if not 0 <= beta < math.inf:
        raise InvalidInput(f"beta is {beta}, but it must be finite and 0 or more: take a number such as 30.")
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
    """Filter each coordinate over time with algorithm 1 of the One-Euro paper.

    Args:
        places: (f, points, 2).
        found: (f, points) bool. A point that is not found keeps its position and restarts its filter.
        fps: Frame rate.
        min_cutoff: As for `smooth`.
        beta: As for `smooth`, per unit of `places`.
        progress: Called for each frame.

    Returns:
        (f, points, 2) float64.

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
    """Return the weight of the new value in a low-pass filter with this cutoff in Hz."""
    return 1 / (1 + fps / (2 * math.pi * cutoff))


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InvalidInput(f"{name} is {value}, but it must be finite and above 0: correct it.")
