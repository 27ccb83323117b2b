"""Build one person's `PoseSequence` from the people in each frame of a pose file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InvalidInput, warn
from ...utils.progress import Progress, no_progress, with_progress
from ..keypoints import MODEL_JOINTS, POINTS, VISIBLE, PoseSequence, seen
from ..person import PersonRule, PersonTracker, require_person_found
from ..video_match import check_video_match
from .layouts import TOES
from .normalization import (
    are_in_corner,
    drop_placeholders,
    drop_scaled_placeholders,
    from_centre,
    from_percent,
    scale_scores,
    swap_confused_hands,
    turn_y_down,
)
from .units import (
    BODY,
    PARTS,
    Size,
    are_fractions,
    convert_to_fractions,
    guess_size,
    present,
    units_by_numbers,
)

FAR = 1e6  # larger numbers are neither positions in an image nor scores
UNITS = ("pixels", "fractions of the image")
UNKNOWN_SIZE = (512, 768)  # the model's default, for fractions of an image of unknown size


@dataclass(frozen=True)
class Frame:
    """A frame of a pose file.

    Attributes:
        people: (n, 130, 3) points as in `PoseSequence.points`, in the file's units, which may be pixels.
        size: (width, height) of the image in pixels; None if the file does not contain it.
        left_out: A sentence without full stop for each part that cannot be used.
        keeps_hands: Whether the file marks left and right hand as correct.

    """

    people: np.ndarray
    size: Size | None
    left_out: Sequence[str] = ()
    keeps_hands: bool = False


def select_person(
    frames: list[Frame],
    person: PersonRule,
    fps: float | None,
    size: Size | None,
    source: str,
    progress: Progress = no_progress,
    notes: Sequence[str] = (),
) -> PoseSequence:
    """Choose one person in the frames of a video and return their poses.

    Args:
        frames: The frames.
        person: As for `read_poses`.
        fps: As for `read_poses`.
        size: As for `read_poses`.
        source: Name of the poses in messages.
        progress: As for `read_poses`.
        notes: Sentences about how the frames were read, to warn of.

    Raises:
        InvalidInput: There are no frames, no usable poses, or the chosen person is in none of them.

    """
    if not frames:
        raise InvalidInput(f"There are no frames in {source}: give OpenPose keypoints of at least one frame.")
    for note in notes:
        warn(note, stacklevel=3)
    _warn_of_ignored_parts(frames, source)
    counts = [len(frame.people) for frame in frames]
    people, owner = np.concatenate([frame.people for frame in frames]), np.repeat(range(len(frames)), counts)
    _drop_impossible(people, owner, source)
    _require_poses(people, len(frames), source)
    _normalize(people, frames, size, source)
    width, height = _convert_to_fractions(people, owner, frames, size, source)
    tracker = PersonTracker(person)
    points = np.zeros((len(frames), POINTS, 3), np.float32)
    ends = np.cumsum([0, *counts])
    for index, _ in enumerate(with_progress(frames, len(frames), progress)):
        points[index] = _chosen(people[ends[index] : ends[index + 1]], tracker)
    most = np.bincount(owner[seen(people).any(axis=1)], minlength=1).max()
    require_person_found(person, int(most), bool(seen(points).any()), source)
    if not any(frame.keeps_hands for frame in frames):
        points = swap_confused_hands(points, (width, height), source)
    return PoseSequence.from_points(points, width, height, fps)


def _warn_of_ignored_parts(frames: list[Frame], source: str) -> None:
    """Warn of parts that could not be used; raise InvalidInput if there is nothing else."""
    left_out = [sentence for frame in frames for sentence in frame.left_out]
    if not left_out:
        return
    if not any(len(frame.people) for frame in frames):
        raise InvalidInput(f"{left_out[0]}.")
    warn(
        f"{len(left_out)} parts of people in {source} are ignored, the first because {left_out[0]}.",
        stacklevel=4,
    )


def _drop_impossible(people: np.ndarray, owner: np.ndarray, source: str) -> None:
    """Mark points with NaN, null, infinite or impossible numbers as missing, in place."""
    impossible = ~(np.abs(people) <= FAR).all(axis=2)  # NaN compares as false
    counts = np.bincount(owner, (impossible & (people[..., 2] != 0)).sum(axis=1), minlength=1)
    people[impossible | (people[..., 2] <= 0)] = 0
    if counts.any():
        warn(
            f"{int(counts.sum())} points of {source} are NaN, null, infinite or far outside any image (first "
            f"in frame {np.flatnonzero(counts)[0]}) and count as missing.",
            stacklevel=4,
        )


def _require_poses(people: np.ndarray, frames: int, source: str) -> None:
    """Reject people who are a single point each, or warn if there is only one frame."""
    if not are_in_corner(people):
        return
    if frames > 1:
        raise InvalidInput(
            f"All points of each person in {source} are at one position, but they must be the joints of a "
            "body: export the keypoints again."
        )
    warn(
        f"All points of the person in {source} are at one position: check how the file was created.",
        stacklevel=4,
    )


def _normalize(people: np.ndarray, frames: list[Frame], size: Size | None, source: str) -> None:
    """Convert scores to 0 to 1 and coordinates to pixels or fractions of the image, in place."""
    drop_placeholders(people)
    known = next((frame.size for frame in frames if frame.size), size)
    for sentence in (
        scale_scores(people, source),
        from_centre(people, source),
        from_percent(people, known, source),
    ):
        if sentence is not None:
            warn(sentence, stacklevel=4)
    toes = people[:, TOES, :]
    people[:, TOES, :] = np.where(
        toes[..., 2:] > VISIBLE, toes, 0
    )  # one of the two it lies between is unseen


def _convert_to_fractions(
    people: np.ndarray, owner: np.ndarray, frames: list[Frame], size: Size | None, source: str
) -> Size:
    """Convert people to fractions of their images, in place, and return the image size of the video."""
    units = units_by_numbers(people)
    video_size = next((frame.size for frame in frames if frame.size), size)
    if video_size is None:
        video_size = guess_size(people, units, owner) or UNKNOWN_SIZE
        warn(
            f"{source} does not contain its image size, so {video_size[0]} x {video_size[1]} pixels are "
            "assumed: add canvas_width and canvas_height if this is wrong.",
            stacklevel=5,
        )
    sizes = np.array([frame.size or video_size for frame in frames], np.float64)[owner]
    fractions = are_fractions(units, people, sizes)
    if mixture := _mixture(fractions, present(people), owner):
        warn(f"The coordinates in {source} are in {mixture}.", stacklevel=5)
    convert_to_fractions(people, fractions, sizes)
    drop_scaled_placeholders(people, sizes)
    if turned := turn_y_down(people, source):
        warn(turned, stacklevel=4)
    if size is not None and not any(frame.size for frame in frames):
        were_pixels = bool((~fractions[present(people)]).any())
        if unfit := check_video_match(people, size, source, were_pixels=were_pixels):
            warn(unfit, stacklevel=4)
    return video_size


def _mixture(fractions: np.ndarray, there: np.ndarray, owner: np.ndarray) -> str | None:
    """Describe which parts are in which unit; None if all are in one."""
    if len(set(fractions[there])) < 2:
        return None
    bodies = there[:, BODY] if there[:, BODY].any() else slice(None)
    usual = bool(np.mean(fractions[bodies, BODY]) >= 0.5)
    words = []
    for column, name in enumerate(PARTS):
        others = np.unique(owner[there[:, column] & (fractions[:, column] != usual)])
        if others.size:
            frames = "1 frame" if others.size == 1 else f"{others.size} frames"
            words.append(f"{name} in {frames} (the first is {others[0]})")
    return f"{UNITS[usual]}, but in {UNITS[not usual]} for {', '.join(words)}: each was read in its own unit"


def _chosen(people: np.ndarray, tracker: PersonTracker) -> np.ndarray:
    """Return the points (130, 3) of the chosen one among people (n, 130, 3), zeros if they are missing."""
    people = people[seen(people).any(axis=1)]
    boxes = np.reshape([_box(points) for points in people], (-1, 4))
    scores = np.minimum(people[:, :MODEL_JOINTS, 2], 1).mean(axis=1)
    index = tracker.choose(boxes, scores)
    return np.zeros((POINTS, 3)) if index is None else people[index]


def _box(points: np.ndarray) -> np.ndarray:
    places = points[seen(points), :2]
    return np.concatenate([places.min(axis=0), places.max(axis=0)])
