"""Selects the frames, the crop and the reference image of training clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...animate_x.conditioning import MAX_STRETCH
from ...errors import InvalidInput
from ...pose.keypoints import MODEL_JOINTS, PoseSequence, seen

PERSON_JOINTS = 8  # of 18 that must be detected: more than a head and shoulders
MAX_GAP = 3  # frames without a person that do not end a part


def choose_indices(total: int, frames: int, max_stride: int, rng: np.random.Generator) -> range:
    """Choose `frames` of `total` frames at a random stride of 1 to `max_stride`, if there are enough."""
    assert 1 <= frames <= total
    room = (total - 1) // (frames - 1) if frames > 1 else 1
    stride = int(rng.integers(1, min(room, max_stride) + 1))
    span = (frames - 1) * stride + 1
    start = int(rng.integers(0, total - span + 1))
    return range(start, start + span, stride)


def choose_reference(frames: Sequence[int], chosen: range, rng: np.random.Generator) -> int:
    """Choose a reference image, if possible one that is not among the frames of the sample.

    Args:
        frames: Index of each reference in the clip, -1 if it is not a frame of the clip.
        chosen: Frames of the sample. A reference among them would reveal the target.
        rng: Random generator.

    Returns:
        Index of the reference.

    """
    apart = [number for number, frame in enumerate(frames) if frame not in chosen]
    return int(rng.choice(apart or range(len(frames))))


def person_segments(
    poses: PoseSequence, stride: int, least: int, most: int, option: str = "--least"
) -> list[range]:
    """Take every `stride`-th frame and cut the runs that show a person into parts.

    Args:
        poses: Poses of all frames of the video.
        stride: Stride through the frames.
        least: Minimum number of frames of a part.
        most: Maximum number of frames of a part. Parts of one run are of about equal length.
        option: The command-line option that sets `least`, for the message.

    Returns:
        Frame indices of each part.

    Raises:
        InvalidInput: If no run is long enough.

    """
    shown = seen(poses.body[::stride, :MODEL_JOINTS]).sum(axis=1) >= PERSON_JOINTS
    runs = list(_runs(shown))
    segments = [part for run in runs if len(run) >= least for part in _parts(run, most)]
    if not segments:
        longest = max(map(len, runs), default=0)
        raise InvalidInput(
            f"A person is visible in {int(shown.sum())} of {len(shown)} frames, {longest} of them in a row, "
            f"but {least} in a row are needed: use a longer video, or lower {option}."
        )
    return [range(part.start * stride, (part.stop - 1) * stride + 1, stride) for part in segments]


def _runs(shown: np.ndarray) -> Iterator[range]:
    """Yield runs of frames that start and end with a person."""
    places = np.flatnonzero(shown)
    for run in np.split(places, np.flatnonzero(np.diff(places) > MAX_GAP + 1) + 1):
        if run.size:
            yield range(int(run[0]), int(run[-1]) + 1)


def _parts(run: range, most: int) -> Iterator[range]:
    count = -(-len(run) // most)
    ends = [run.start + len(run) * part // count for part in range(count + 1)]
    yield from map(range, ends, ends[1:])


@dataclass(frozen=True)
class Crop:
    """A crop of width x height images, from (left, top) inclusive to (right, bottom) exclusive, in pixels."""

    width: int
    height: int
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, poses: PoseSequence, width: int, height: int, aspect: float) -> "Crop":
        """Crop to an aspect ratio, around the person in all frames.

        If the aspect ratios differ so little that stretching is harmless, nothing is cropped.

        Args:
            poses: Poses of the video.
            width: Width of the video in pixels.
            height: Height of the video in pixels.
            aspect: Width / height of the crop.

        Returns:
            The crop.

        """
        if abs(width / height / aspect - 1) <= MAX_STRETCH:
            return cls(width, height, 0, 0, width, height)
        body = poses.body[seen(poses.body)][:, :2]
        across, down = np.median(body, axis=0) if len(body) else (0.5, 0.5)
        left, right = _span(width, min(width, round(height * aspect)), across)
        top, bottom = _span(height, min(height, round(width / aspect)), down)
        return cls(width, height, left, top, right, bottom)

    def image(self, frame: np.ndarray) -> np.ndarray:
        """Crop a frame (height, width, 3)."""
        return frame[self.top : self.bottom, self.left : self.right]

    def poses(self, poses: PoseSequence) -> PoseSequence:
        """Return poses relative to the crop; keypoints outside of it count as not detected."""
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
