"""Keep several people apart: what was found in each frame becomes one `PoseSequence` per person.

The people of neighboring frames are paired by the distances of their joints from where the motion so far puts
them, relative to the size of the body, and by that size; all pairs of a frame together cost as little as
possible. Where the frames are known, the colors of the clothes count as well. This is the tracking of SORT
(Bewley et al. 2016) with joints in place of boxes, as in Simple Baselines (Xiao et al. 2018). Where people
cover each other, their motion is extrapolated from before, since what is found may belong to either. A
person who is missing for more than MAX_MISSING frames is gone, and one who appears later is a new person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import warn
from ..utils.progress import Progress, no_progress, with_progress
from .assignment import assign
from .clothing import PLACES, color_distance, mixed
from .keypoints import BODY, MODEL_JOINTS, POINTS, PoseSequence, seen

AHEAD = 6  # frames over which the motion of a missing person is extrapolated
REACH = 0.8  # of the body's size: how far joints may be from where they are expected, after one frame
MAX_REACH = 1.5  # after many
WIDENING = 0.15  # of the reach, for each missing frame
SIZE_WEIGHT = 0.5  # of the logarithm of the ratio of sizes, in the cost
CLEAR = 0.05  # how much closer than anybody else a person must be for their motion to be updated
INERTIA = 0.7  # weight of the speed so far
COLOR_WEIGHT = 1.0  # of the difference of the colors of the clothes, 0..1, in the cost
COLOR_SHARE = 0.1  # of each frame, in the colors that are remembered of a person
FEW = 4  # common joints, below which the middles of the bodies are compared
MAX_MISSING = 100  # frames after which a person is not waited for any more
MAX_PEOPLE = 16  # followed through a video
SAME = 0.03  # distance of the joints, relative to the size, below which a person was found twice


@dataclass
class _Track:
    """A person. points, colors, at, speed: of the last frame in which nobody else could be meant."""

    points: np.ndarray
    colors: np.ndarray
    at: int
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))
    found: dict[int, int] = field(default_factory=dict)  # frame: index among its people

    @property
    def last(self) -> int:
        """The last frame that shows the person."""
        return next(reversed(self.found))

    def expected(self, frame: int) -> np.ndarray:
        """Return the points (130, 3) at a frame, if the person moves on."""
        moved = self.points.copy()
        moved[:, :2] += self.speed * min(frame - self.at, AHEAD)
        return moved

    def meet(self, points: np.ndarray, colors: np.ndarray, frame: int) -> None:
        step = (_middle(points) - _middle(self.points)) / (frame - self.at)
        self.speed = INERTIA * self.speed + (1 - INERTIA) * step if len(self.found) > 2 else step
        self.points, self.at = points, frame
        self.colors = mixed(self.colors, colors, COLOR_SHARE)


def track_people(
    frames: Sequence[np.ndarray],
    width: int,
    height: int,
    colors: Sequence[np.ndarray] | None = None,
    progress: Progress = no_progress,
) -> list[dict[int, int]]:
    """Find out who is who in the frames of a video.

    Args:
        frames: The people of each frame, (n, 130, 3) as in `PoseSequence.points`; each has a visible point.
        width: Of the frames, in pixels.
        height: Likewise.
        colors: The colors of the people of each frame, from `sample_colors`; None if unknown.
        progress: Called after each frame; may raise to stop.

    Returns:
        For each person the index among the people of each frame that shows them. People are in the order in
        which they appear, from the left if in the same frame. Somebody who was missing for more than
        MAX_MISSING frames is another person.

    """
    tracks: list[_Track] = []
    waiting: list[_Track] = []
    for frame, people in enumerate(with_progress(frames, len(frames), progress)):
        looks = np.full((len(people), PLACES, 3), np.nan) if colors is None else colors[frame]
        waiting = [track for track in waiting if frame - track.last - 1 <= MAX_MISSING]
        appeared = _follow(waiting, _square(people, width, height), looks, frame)
        tracks += appeared
        waiting += appeared

    def order(person: dict[int, int]) -> tuple[int, float]:
        first = min(person)
        return first, float(_middle(frames[first][person[first]])[0])

    return sorted((track.found for track in tracks), key=order)


def people_sequences(
    frames: Sequence[np.ndarray],
    width: int,
    height: int,
    fps: float | None = None,
    *,
    colors: Sequence[np.ndarray] | None = None,
    passing: int = 0,
    progress: Progress = no_progress,
) -> tuple[PoseSequence, ...]:
    """Return the poses of each person in the frames of a video.

    An AnimateXWarning says if there are more people than MAX_PEOPLE.

    Args:
        frames: The people of each frame, (n, 130, 3) as in `PoseSequence.points`, in any order.
        width: Of the frames, in pixels.
        height: Likewise.
        fps: Frame rate; None if unknown.
        colors: As for `track_people`.
        passing: People in at most this many frames are left out if others are in more, as false detections.
        progress: As for `track_people`.

    Returns:
        One sequence per person, of all frames; those that do not show them have no visible point. There is at
        least one.

    """
    visible = [seen(people).any(axis=1) for people in frames]
    frames = [people[shown] for people, shown in zip(frames, visible, strict=True)]
    if colors is not None:
        colors = [looks[shown] for looks, shown in zip(colors, visible, strict=True)]
    people = _limited(_staying(track_people(frames, width, height, colors, progress), passing))
    sequences = []
    for person in people or [{}]:
        points = np.zeros((len(frames), POINTS, 3), np.float32)
        for frame, index in person.items():
            points[frame] = frames[frame][index]
        sequences.append(PoseSequence.from_points(points, width, height, fps))
    return tuple(sequences)


def _staying(people: list[dict[int, int]], passing: int) -> list[dict[int, int]]:
    return [person for person in people if len(person) > passing] or people


def _limited(people: list[dict[int, int]]) -> list[dict[int, int]]:
    """Keep those who are in the most frames."""
    if len(people) <= MAX_PEOPLE:
        return people
    warn(
        f"There are {len(people)} people: the {MAX_PEOPLE} who are in the most frames are kept.", stacklevel=4
    )
    order = sorted(range(len(people)), key=lambda index: -len(people[index]))
    return [people[index] for index in sorted(order[:MAX_PEOPLE])]


def without_twins(people: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return which people (n, 130, 3) are not one before them again: (n,) bool."""
    square = _square(people, width, height)
    kept: list[int] = []
    for index, points in enumerate(square):
        visible = [other for other in kept if seen(square[other]).any()] if seen(points).any() else []
        if all(_distance(square[other], points) > SAME for other in visible):
            kept.append(index)
    return np.isin(np.arange(len(people)), kept)


def _square(people: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scale fractions of a frame to units that are the same across and down."""
    longer = max(width, height)
    return people * (width / longer, height / longer, 1)


def _follow(tracks: Sequence[_Track], people: np.ndarray, colors: np.ndarray, frame: int) -> list[_Track]:
    """Add the people of a frame to the tracks, and return the tracks of those who are on none."""
    costs = _table(tracks, frame, people, colors)
    met = assign(costs)
    for row, column in met.items():
        track, others = tracks[row], np.delete(costs[:, column], row)
        track.found[frame] = column
        is_clear = not (others < costs[row, column] + CLEAR).any()
        if is_clear or frame - track.at > AHEAD:
            track.meet(people[column], colors[column], frame)
    new = set(range(len(people))) - set(met.values())
    return [_Track(people[column], colors[column], frame, found={frame: column}) for column in new]


def _table(tracks: Sequence[_Track], frame: int, people: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the cost of every track with every person, infinite out of reach."""
    table = np.full((len(tracks), len(people)), np.inf)
    for row, track in enumerate(tracks):
        expected, missing = track.expected(frame), frame - track.last - 1
        reach = min(REACH + WIDENING * missing, MAX_REACH)
        for column, points in enumerate(people):
            cost = _cost(expected, points)
            if cost <= reach:
                table[row, column] = cost + COLOR_WEIGHT * color_distance(track.colors, colors[column])
    return table


def _cost(expected: np.ndarray, points: np.ndarray) -> float:
    ratio = np.log(_size(expected) / _size(points))
    return _distance(expected, points) + SIZE_WEIGHT * abs(float(ratio))


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return how far two people's joints lie apart, relative to the larger size."""
    size = max(_size(first), _size(second))
    common = (seen(first) & seen(second))[:MODEL_JOINTS]
    if common.sum() < FEW:
        return float(np.linalg.norm(_middle(first) - _middle(second)) / size)
    away = np.linalg.norm(first[:MODEL_JOINTS][common, :2] - second[:MODEL_JOINTS][common, :2], axis=1)
    return float(np.median(away) / size)  # robust to waving arms and to left and right confused


def _places(points: np.ndarray) -> np.ndarray:
    """Return the visible points (n, 2): of the body if there are any."""
    body = points[BODY]
    return (body[seen(body)] if seen(body).any() else points[seen(points)])[:, :2]


def _middle(points: np.ndarray) -> np.ndarray:
    places = _places(points)
    return (places.min(axis=0) + places.max(axis=0)) / 2


def _size(points: np.ndarray) -> float:
    return max(float(np.linalg.norm(np.ptp(_places(points), axis=0))), 1e-3)
