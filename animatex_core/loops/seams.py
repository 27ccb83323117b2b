"""How visible the seam of a loop is: the distance of two poses and of their speeds.

All distances are root mean squares over the joints of the body, in units of the mean step between
neighbouring frames. So 1 is a seam that is as large as an ordinary step, at every size and frame rate.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pose.keypoints import PoseSequence, seen

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

LEAST_STEP = 0.005
"""The mean step is at least this part of the body's spread, so that noise in a still clip is no motion."""

MISSING = 3.0
"""Distance, in mean steps, of a joint that is seen on one side of the seam only: it appears or disappears."""


@dataclass(frozen=True, eq=False)
class Track:
    """The body's joints over the f frames of a clip, with one frame before and two after it.

    The frames outside continue the motion at constant acceleration, so that a clip that is a loop already
    counts as one.

    Attributes:
        extended: (f + 3, joints, 2) in pixels.
        extended_shown: (f + 3, joints), which of them are known.

    """

    extended: Floats
    extended_shown: Bools

    @classmethod
    def of(cls, poses: PoseSequence) -> "Track":
        """Return the track of a clip of 2 or more frames."""
        points = poses.body[..., :2] * np.array([poses.width, poses.height], np.float32)
        shown: Bools = seen(poses.body)
        for _ in range(2):
            points, shown = _continued(points, shown)
        points, shown = _continued(points[::-1], shown[::-1])
        return cls(points[::-1], shown[::-1])

    def __len__(self) -> int:
        return len(self.extended) - 3

    @property
    def points(self) -> Floats:
        """The joints of the f frames and of the one that follows, (f + 1, joints, 2)."""
        return self.extended[1:-1]

    @property
    def shown(self) -> Bools:
        """Which of them are known, (f + 1, joints)."""
        return self.extended_shown[1:-1]

    @cached_property
    def steps(self) -> Floats:
        """Motion from each of the f frames to the next, (f,) in pixels; 0 where no joint is seen in both."""
        both = self.shown[1:] & self.shown[:-1]
        return _rms(self.points[1:] - self.points[:-1], both, without=0.0)

    @cached_property
    def mean_step(self) -> float:
        """Mean motion between neighbouring frames, in pixels; never 0."""
        known = (self.shown[1:-1] & self.shown[:-2]).any(axis=1)
        mean = float(self.steps[:-1][known].mean()) if known.any() else 0.0
        return max(mean, LEAST_STEP * self._spread, 1e-6)

    @cached_property
    def _spread(self) -> float:
        """Distance of the joints from their centre, the median over the frames, in pixels."""
        weights = self.shown[..., None]
        counts = weights.sum(axis=1, keepdims=True).clip(1)
        centres = (self.points * weights).sum(axis=1, keepdims=True) / counts
        spreads = _rms(self.points - centres, self.shown, without=np.nan)
        return float(np.nanmedian(spreads)) if np.isfinite(spreads).any() else 0.0

    @cached_property
    def _speeds(self) -> tuple[Floats, Bools]:
        """Central differences, and of which joints they are known."""
        change = (self.extended[2:] - self.extended[:-2]) / 2
        return change, self.extended_shown[2:] & self.extended_shown[:-2]

    @cached_property
    def travelled(self) -> Floats:
        """Motion from the first frame to each frame and to the one that follows, (f + 1,) in pixels."""
        return np.concatenate([[0.0], np.cumsum(self.steps, dtype=np.float64)])

    @cached_property
    def speed(self) -> Floats:
        """How fast the body moves in each of the f frames, (f,) in mean steps; inf where unknown."""
        change, known = self._speeds
        return (_rms(change, known, without=np.inf) / self.mean_step)[: len(self)]

    def seams(self, first: int, following: slice) -> Floats:
        """Return how visible it is to go on with frame `first` where other frames would follow.

        Args:
            first: The frame that a loop begins with.
            following: Frames, up to f, that follow the loop's last frame in the clip.

        Returns:
            The distance of each from frame `first`, in mean steps: 0 is perfect. inf if no joint is seen in
            both.

        """
        change, known = self._speeds
        there, here = self.shown[following], self.shown[first]
        apart = ((self.points[following] - self.points[first]) ** 2).sum(axis=2)
        both, one = there & here, there ^ here
        missing = (MISSING * self.mean_step) ** 2
        counted = (both | one).sum(axis=1).clip(1)
        poses = np.where(both, apart, np.where(one, missing, 0)).sum(axis=1) / counted
        poses[~both.any(axis=1)] = np.inf
        faster = _rms(change[following] - change[first], known[following] & known[first], without=0.0)
        return (np.sqrt(poses + faster**2) / self.mean_step).astype(np.float32)


def _continued(points: Floats, shown: Bools) -> tuple[Floats, Bools]:
    """Append the frame that would follow at constant acceleration."""
    if len(points) < 3:
        following, used = 2 * points[-1] - points[-2], 2
    else:
        following, used = 3 * points[-1] - 3 * points[-2] + points[-3], 3
    known: Bools = np.logical_and.reduce(shown[-used:])
    return np.concatenate([points, following[None]]), np.concatenate([shown, known[None]])


def _rms(vectors: Floats, counted: Bools, without: float) -> Floats:
    """Return the root mean square of vectors (n, joints, 2) over the joints that count, (n,)."""
    counts = counted.sum(axis=1)
    sums = ((vectors**2).sum(axis=2) * counted).sum(axis=1)
    return np.where(counts > 0, np.sqrt(sums / counts.clip(1)), without).astype(np.float32)
