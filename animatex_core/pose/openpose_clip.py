"""From the people of each frame of an OpenPose file to one person's `PoseSequence`."""

import math
import warnings
from dataclasses import dataclass

import numpy as np

from ..errors import AnimateXWarning, InvalidInput
from ..progress import Progress, no_progress, with_progress
from .hand_sides import with_hands_at_own_wrists
from .person import PersonRule, PersonTracker, require_chosen
from .skeleton import MODEL_JOINTS, POINTS, PoseSequence, seen

Size = tuple[int, int]
FAR = 1e6  # numbers beyond are no places in a picture and no scores
NORMALISED = 2.0  # coordinates up to this are parts of the picture, as people may reach out of it
UNKNOWN_SIZE = (512, 768)  # the denoiser's own, for parts of a picture whose size the file does not tell


@dataclass(frozen=True)
class Frame:
    """What a file tells of one frame.

    people (n, 130, 3): points as in `PoseSequence.points`, in the file's units, which may be pixels.
    size: (width, height) of the picture in pixels, None where the file does not tell it.
    """

    people: np.ndarray
    size: Size | None


def clip_poses(
    frames: list[Frame],
    person: PersonRule,
    fps: float | None,
    size: Size | None,
    source: str,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Return the poses of one of the people in the frames of a clip; arguments as for `read_poses`."""
    if not frames:
        raise InvalidInput(f"{source} holds no frames: give OpenPose keypoints of one frame or more.")
    frames = _without_impossible(frames, source)
    told = next((frame.size for frame in frames if frame.size), size)
    parts = _are_parts(frames)
    width, height = told or _guessed_size(frames, parts, source)
    tracker = PersonTracker(person)
    points = np.zeros((len(frames), POINTS, 3), np.float32)
    for index, frame in enumerate(with_progress(frames, len(frames), progress)):
        people = frame.people if parts else frame.people / (*(frame.size or (width, height)), 1)
        points[index] = _chosen(people, tracker)
    most = max(int(seen(frame.people).any(axis=1).sum()) for frame in frames)
    require_chosen(person, most, bool(seen(points).any()), source)
    points = with_hands_at_own_wrists(points, (width, height), source)
    return PoseSequence.from_points(points, width, height, fps)


def _without_impossible(frames: list[Frame], source: str) -> list[Frame]:
    """Take points for missing whose numbers are NaN, null, infinite or no places in a picture."""
    counts, clean = [], []
    for frame in frames:
        people = frame.people.copy()
        impossible = ~(np.abs(people) <= FAR).all(axis=2)  # NaN compares as false
        counts.append(np.count_nonzero(impossible & (people[..., 2] != 0)))
        people[impossible | (people[..., 2] <= 0)] = 0
        clean.append(Frame(people, frame.size))
    if sum(counts):
        warnings.warn(
            AnimateXWarning(
                f"{sum(counts)} points of {source} are NaN, null, infinite or far outside of any picture "
                f"(first in frame {np.flatnonzero(counts)[0]}) and count as missing."
            ),
            stacklevel=4,
        )
    return clean


def _found_places(frames: list[Frame]) -> np.ndarray:
    """Coordinates (n, 2) of all points of the clip that have a score."""
    points = np.concatenate([frame.people.reshape(-1, 3) for frame in frames])
    return points[points[:, 2] > 0, :2]


def _are_parts(frames: list[Frame]) -> bool:
    """Whether coordinates are in parts of the picture rather than pixels, a few outliers aside."""
    places = _found_places(frames)
    return len(places) > 0 and float(np.quantile(np.abs(places), 0.95)) <= NORMALISED


def _guessed_size(frames: list[Frame], parts: bool, source: str) -> Size:
    places = _found_places(frames)
    extent = places.max(axis=0) if len(places) and not parts else np.zeros(2)
    width, height = UNKNOWN_SIZE if extent.max() <= 0 else (max(1, math.ceil(side)) for side in extent)
    warnings.warn(
        AnimateXWarning(
            f"{source} does not tell the size of its pictures; {width} x {height} pixels are taken for it."
        ),
        stacklevel=4,
    )
    return width, height


def _chosen(people: np.ndarray, tracker: PersonTracker) -> np.ndarray:
    """Points (130, 3) of the person that is meant among people (n, 130, 3), zeros without them."""
    people = people[seen(people).any(axis=1)]
    boxes = np.reshape([_box(points) for points in people], (-1, 4))
    scores = np.minimum(people[:, :MODEL_JOINTS, 2], 1).mean(axis=1)
    index = tracker.choose(boxes, scores)
    return np.zeros((POINTS, 3)) if index is None else people[index]


def _box(points: np.ndarray) -> np.ndarray:
    places = points[seen(points), :2]
    return np.concatenate([places.min(axis=0), places.max(axis=0)])
