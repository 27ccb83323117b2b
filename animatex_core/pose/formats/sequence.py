"""The people in the frames of a pose file, in the units and forms of a `PoseSequence`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InvalidInput, warn
from ..keypoints import VISIBLE, seen
from ..video_match import check_video_match
from .layouts import TOES
from .normalization import (
    are_in_corner,
    drop_placeholders,
    drop_scaled_placeholders,
    from_centre,
    from_percent,
    scale_scores,
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
        numbers: By which each person is followed through the frames; None for those without a number.

    """

    people: np.ndarray
    size: Size | None
    left_out: Sequence[str] = ()
    keeps_hands: bool = False
    numbers: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Scene:
    """The people of a video in the forms of this package.

    Attributes:
        people: Those of each frame, (n, 130, 3) as in `PoseSequence.points`; each has a visible point.
        numbers: Those of `Frame` for these people.
        size: Width and height of the video in pixels.
        keeps_hands: Whether left and right hand are marked as correct.

    """

    people: list[np.ndarray]
    numbers: list[tuple[int | None, ...]]
    size: Size
    keeps_hands: bool

    @property
    def most(self) -> int:
        """Maximum number of people in a frame."""
        return max(map(len, self.people))

    @property
    def is_numbered(self) -> bool:
        """Whether there are people, everybody has a number, and nobody that of another one in a frame."""
        return self.most > 0 and all(
            None not in numbers and len(set(numbers)) == len(people)
            for people, numbers in zip(self.people, self.numbers, strict=True)
        )

    @property
    def known_numbers(self) -> list[int]:
        """All numbers in use, in ascending order."""
        return sorted({number for numbers in self.numbers for number in numbers if number is not None})


def read_scene(frames: list[Frame], size: Size | None, source: str, notes: Sequence[str] = ()) -> Scene:
    """Convert the people in the frames of a pose file to the forms of this package.

    Args:
        frames: The frames. Their people are changed.
        size: As for `read_poses`.
        source: Name of the poses in messages.
        notes: Sentences about how the frames were read, to warn of.

    Raises:
        InvalidInput: There are no frames, or no usable poses.

    """
    if not frames:
        raise InvalidInput(f"There are no frames in {source}: give OpenPose keypoints of at least one frame.")
    for note in notes:
        warn(note, stacklevel=4)
    _warn_of_ignored_parts(frames, source)
    counts = [len(frame.people) for frame in frames]
    # A frame with thousands of people, of a hostile file, is not copied.
    people = frames[0].people if len(frames) == 1 else np.concatenate([frame.people for frame in frames])
    owner = np.repeat(range(len(frames)), counts)
    _drop_impossible(people, owner, source)
    _require_poses(people, len(frames), source)
    _normalize(people, frames, size, source)
    video_size = _convert_to_fractions(people, owner, frames, size, source)
    parts = np.split(people, np.cumsum(counts)[:-1])
    visible = [np.asarray(seen(part).any(axis=1)) for part in parts]
    numbers = [
        tuple(number for number, shown in zip(frame.numbers, each.tolist(), strict=False) if shown)
        for frame, each in zip(frames, visible, strict=True)
    ]
    return Scene(
        [part if each.all() else part[each] for part, each in zip(parts, visible, strict=True)],
        numbers,
        video_size,
        any(frame.keeps_hands for frame in frames),
    )


def _warn_of_ignored_parts(frames: list[Frame], source: str) -> None:
    """Warn of parts that could not be used; raise InvalidInput if there is nothing else."""
    left_out = [sentence for frame in frames for sentence in frame.left_out]
    if not left_out:
        return
    if not any(len(frame.people) for frame in frames):
        raise InvalidInput(f"{left_out[0]}.")
    warn(
        f"{len(left_out)} parts of people in {source} are ignored, the first because {left_out[0]}.",
        stacklevel=5,
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
            stacklevel=5,
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
        stacklevel=5,
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
            warn(sentence, stacklevel=5)
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
        warn(turned, stacklevel=5)
    if size is not None and not any(frame.size for frame in frames):
        were_pixels = bool((~fractions[present(people)]).any())
        if unfit := check_video_match(people, size, source, were_pixels=were_pixels):
            warn(unfit, stacklevel=5)
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
