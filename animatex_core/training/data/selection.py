"""Which parts of a video, which crop and which frames a training clip has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...animate_x.conditioning import STRETCH
from ...errors import InvalidInput
from ...pose.keypoints import MODEL_JOINTS, PoseSequence, seen


def choose_indices(total: int, frames: int, max_stride: int, rng: np.random.Generator) -> range:
    """Choose `frames` of `total` frames at an equal stride of 1 to `max_stride`, as far as there is room."""
    assert 1 <= frames <= total
    room = (total - 1) // (frames - 1) if frames > 1 else 1
    stride = int(rng.integers(1, min(room, max_stride) + 1))
    span = (frames - 1) * stride + 1
    start = int(rng.integers(0, total - span + 1))
    return range(start, start + span, stride)


def choose_reference(frames: Sequence[int], chosen: range, rng: np.random.Generator) -> int:
    """Choose one of the references, which are these frames of the clip (-1: none of it).

    One that is no chosen frame is taken wherever there is one: a picture must not answer itself.
    """
    apart = [number for number, frame in enumerate(frames) if frame not in chosen]
    return int(rng.choice(apart or range(len(frames))))


PERSON_JOINTS = 8  # of 18 that must be seen: more than a head and shoulders
GAP = 3  # frames without a person that do not end a part


def person_segments(
    poses: PoseSequence, stride: int, least: int, most: int, option: str = "--least"
) -> list[range]:
    """Choose one frame in `stride`, and cut what shows a person into parts of `least` to `most` frames.

    Parts of one run are about equally long. option: what the user lowers where no run is long enough,
    for which InvalidInput is raised.
    """
    shown = seen(poses.body[::stride, :MODEL_JOINTS]).sum(axis=1) >= PERSON_JOINTS
    runs = list(_runs(shown))
    segments = [part for run in runs if len(run) >= least for part in _parts(run, most)]
    if not segments:
        longest = max(map(len, runs), default=0)
        raise InvalidInput(
            f"A person is seen in {int(shown.sum())} of {len(shown)} frames, {longest} of them in a row, but "
            f"{least} in a row are needed: give a longer clip, or lower {option}."
        )
    return [range(part.start * stride, (part.stop - 1) * stride + 1, stride) for part in segments]


def _runs(shown: np.ndarray) -> Iterator[range]:
    """Runs that begin and end with a person."""
    places = np.flatnonzero(shown)
    for run in np.split(places, np.flatnonzero(np.diff(places) > GAP + 1) + 1):
        if run.size:
            yield range(int(run[0]), int(run[-1]) + 1)


def _parts(run: range, most: int) -> Iterator[range]:
    count = -(-len(run) // most)
    ends = [run.start + len(run) * part // count for part in range(count + 1)]
    yield from map(range, ends, ends[1:])


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
