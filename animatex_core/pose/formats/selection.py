"""Choose one of the people in a pose file, or keep all of them apart."""

import numpy as np

from ...errors import InvalidInput, warn
from ...utils.progress import Progress, no_progress, with_progress
from ..keypoints import MODEL_JOINTS, POINTS, PoseSequence, seen
from ..people import MAX_PEOPLE, people_sequences
from ..person import PersonRule, PersonTracker, require_person_found
from .frames import VideoFrames
from .normalization import swap_confused_hands
from .sequence import Scene, read_scene
from .units import Size

HOW_TO_CHOOSE = "choose a person by number"


def select_person(
    found: VideoFrames,
    person: PersonRule,
    fps: float | None,
    size: Size | None,
    source: str,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Choose one person in the frames of a video and return their poses.

    Args:
        found: The frames.
        person: As for `read_poses`. If the file numbers the people, a number means the person who has it.
        fps: As for `read_poses`.
        size: As for `read_poses`.
        source: Name of the poses in messages.
        progress: As for `read_poses`.

    Raises:
        InvalidInput: There are no frames, no usable poses, or the chosen person is in none of them.

    """
    scene = read_scene(found.frames, size, source, found.notes)
    if scene.is_numbered:
        points = _points_of(scene, *_numbered(scene, person, source), progress=progress)
    else:
        points = _tracked(scene, person, source, progress)
    return _sequence(scene, points, fps, source)


def select_people(
    found: VideoFrames,
    fps: float | None,
    size: Size | None,
    source: str,
    progress: Progress = no_progress,
) -> tuple[PoseSequence, ...]:
    """Return the poses of all people in the frames of a video, each of all frames.

    The place of each is their number in the file. Without numbers, they are followed by `people_sequences`.
    There is at least one; the arguments and errors are those of `select_person`.
    """
    scene = read_scene(found.frames, size, source, found.notes)
    numbers = scene.known_numbers if scene.is_numbered else []
    if not numbers and scene.most <= 1:  # however far a single person moves between two frames
        return (_sequence(scene, _only(scene, progress), fps, source),)
    if not numbers:
        people = people_sequences(scene.people, *scene.size, fps, progress=progress)
        return tuple(_sequence(scene, poses.points, fps, source) for poses in people)
    if len(numbers) > MAX_PEOPLE:
        warn(
            f"{len(numbers)} people are in {source}: the {MAX_PEOPLE} with the lowest numbers are kept.",
            stacklevel=3,
        )
    places = range(numbers[-1] + 1) if numbers[-1] < MAX_PEOPLE else numbers[:MAX_PEOPLE]
    points = (_points_of(scene, number, progress=progress) for number in places)
    return tuple(_sequence(scene, each, fps, source) for each in points)


def _sequence(scene: Scene, points: np.ndarray, fps: float | None, source: str) -> PoseSequence:
    if not scene.keeps_hands:
        points = swap_confused_hands(points, scene.size, source)
    return PoseSequence.from_points(points, *scene.size, fps)


def _tracked(scene: Scene, person: PersonRule, source: str, progress: Progress) -> np.ndarray:
    """Return the points (f, 130, 3) of a person among people without numbers."""
    tracker = PersonTracker(person)
    points = np.zeros((len(scene.people), POINTS, 3), np.float32)
    for index, people in enumerate(with_progress(scene.people, len(points), progress)):
        chosen = _choose(tracker, people)
        if chosen is not None:
            points[index] = people[chosen]
    require_person_found(person, scene.most, bool(seen(points).any()), source)
    if person == "best" and scene.most > 1:
        warn(
            f"Up to {scene.most} people are in {source}, and the one with the highest score in each frame is "
            f"used: {HOW_TO_CHOOSE}.",
            stacklevel=4,
        )
    return points


def _numbered(scene: Scene, person: PersonRule, source: str) -> tuple[int, ...]:
    """Return the number of the chosen person, nothing if there is nobody."""
    numbers = scene.known_numbers
    if not numbers:
        return ()
    if isinstance(person, int):
        if person not in numbers:
            listed = ", ".join(map(str, numbers))
            raise InvalidInput(f"There is no person {person} in {source}: the people there are {listed}.")
        return (person,)
    if person != "best":
        return _first_chosen(scene, person, source)
    best = max(numbers, key=lambda number: int(seen(_points_of(scene, number)).sum()))
    if len(numbers) > 1:
        warn(
            f"{len(numbers)} people are in {source}, and person {best}, who has the most visible points, is "
            f"used: {HOW_TO_CHOOSE}.",
            stacklevel=4,
        )
    return (best,)


def _first_chosen(scene: Scene, person: PersonRule, source: str) -> tuple[int, ...]:
    """Return the number of the person whom a rule chooses in the first frame in which it can."""
    tracker = PersonTracker(person)
    for people, numbers in zip(scene.people, scene.numbers, strict=True):
        chosen = _choose(tracker, people)
        if chosen is not None:
            return (int(numbers[chosen] or 0),)
    require_person_found(person, scene.most, False, source)
    return ()


def _only(scene: Scene, progress: Progress) -> np.ndarray:
    """Return the points (f, 130, 3) where there is at most one person in each frame."""
    points = np.zeros((len(scene.people), POINTS, 3), np.float32)
    for frame, people in enumerate(with_progress(scene.people, len(points), progress)):
        if len(people):
            points[frame] = people[0]
    return points


def _points_of(scene: Scene, *wanted: int, progress: Progress = no_progress) -> np.ndarray:
    """Return the points (f, 130, 3) of the person with a number."""
    points = np.zeros((len(scene.people), POINTS, 3), np.float32)
    numbered = zip(scene.people, scene.numbers, strict=True)
    for frame, (people, numbers) in enumerate(with_progress(numbered, len(points), progress)):
        for each, number in zip(people, numbers, strict=True):
            if number in wanted:
                points[frame] = each
    return points


def _choose(tracker: PersonTracker, people: np.ndarray) -> int | None:
    """Return the index of the chosen one among people (n, 130, 3), None if they are missing."""
    boxes = np.reshape([_box(points) for points in people], (-1, 4))
    scores = np.minimum(people[:, :MODEL_JOINTS, 2], 1).mean(axis=1)
    return tracker.choose(boxes, scores)


def _box(points: np.ndarray) -> np.ndarray:
    places = points[seen(points), :2]
    return np.concatenate([places.min(axis=0), places.max(axis=0)])
