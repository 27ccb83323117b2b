"""The part of a clip's picture that has the shape of the trained clips: people are not stretched."""

from dataclasses import dataclass

import numpy as np

from ...conditioning import STRETCH
from ...pose.skeleton import PoseSequence, seen


@dataclass(frozen=True)
class Crop:
    """A part of a picture of width x height pixels, from (left, top) to before (right, bottom)."""

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, poses: PoseSequence, width: int, height: int, aspect: float) -> "Crop":
        """Cut pictures of width x height to a width / height of `aspect`, around the person in all frames.

        Where the shapes differ by less than what the released pipeline stretches without harm, all is kept.
        """
        if abs(width / height / aspect - 1) <= STRETCH:
            return cls(width, height, 0, 0, width, height)
        body = poses.body[seen(poses.body)][:, :2]
        across, down = np.median(body, axis=0) if len(body) else (0.5, 0.5)
        left, right = _span(width, min(width, round(height * aspect)), across)
        top, bottom = _span(height, min(height, round(width / aspect)), down)
        return cls(width, height, left, top, right, bottom)

    def picture(self, frame: np.ndarray) -> np.ndarray:
        """Cut a frame (height, width, 3)."""
        return frame[self.top : self.bottom, self.left : self.right]

    def poses(self, poses: PoseSequence) -> PoseSequence:
        """Return poses in parts of what is kept; points outside of it count as not found."""
        if (self.right, self.bottom) == (self.width, self.height) and not (self.left or self.top):
            return poses
        size = self.right - self.left, self.bottom - self.top
        points = poses.points.copy()
        whole, origin = np.array([self.width, self.height]), np.array([self.left, self.top])
        points[..., :2] = (points[..., :2] * whole - origin) / size
        outside = ((points[..., :2] < 0) | (points[..., :2] > 1)).any(axis=-1)
        points[outside] = 0
        return PoseSequence.from_points(points, *size, poses.fps)


def _span(whole: int, kept: int, middle: float) -> tuple[int, int]:
    first = min(max(round(middle * whole - kept / 2), 0), whole - kept)
    return first, first + kept
