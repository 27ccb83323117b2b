"""Cases of a benchmark: characters, driving videos and the truth, aligned by time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...reference import Reference
from ...retarget.retarget import Character, RetargetSettings, retarget

SAME_RATE = 0.01  # part by which rates may differ that are meant to be the same, such as 24 and 23.976
SHAPE_TOLERANCE = 0.02  # part by which width / height may differ
ROUNDING = 1e-6  # of a frame

Size = tuple[int, int]


def aligned_frames(path: Path, fps: float, there: int, truth_fps: float | None, count: int) -> list[int]:
    """Return which frame of a clip is shown when each frame of the truth is.

    Args:
        path: The clip, for messages.
        fps: Its frames per second.
        there: How many frames it has.
        truth_fps: Frames per second of the truth that are compared; None: frame k belongs to frame k.
        count: How many they are.

    Returns:
        Ascending indices, one for each frame of the truth.

    Raises:
        InvalidInput: The clip is too short, or has fewer frames a second than are compared.

    """
    ratio = 1.0 if truth_fps is None else fps / truth_fps
    if abs(ratio - 1) <= SAME_RATE:
        ratio = 1.0
    if ratio < 1:
        raise InvalidInput(
            f"{str(path)!r} has {fps:g} frames a second, but the truth is compared at {truth_fps:g}: write "
            "it at that rate, or compare fewer frames by a larger --stride."
        )
    indices = [int(number * ratio + 0.5 + ROUNDING) for number in range(count)]
    if indices[-1] >= there:
        rate = "" if ratio == 1 else f" ({indices[-1] + 1} at its {fps:g} frames a second)"
        raise InvalidInput(
            f"{str(path)!r} has {there} frames, but the true clip {count}{rate}: make it as long, or ask for "
            "fewer frames."
        )
    return indices


def check_shape(path: Path, size: Size, allowed: Sequence[Size]) -> None:
    """Raise InvalidInput unless a clip has the shape of one of the sizes, so that it is not squeezed."""
    aspect = size[0] / size[1]
    if all(abs(aspect * height / width - 1) > SHAPE_TOLERANCE for width, height in allowed):
        width, height = allowed[0]
        raise InvalidInput(
            f"{str(path)!r} has frames of {size[0]}x{size[1]} pixels, but the truth has {width}x{height}, "
            "which is another shape: cut the character's part out of it, or make the clip anew."
        )


@dataclass(frozen=True, eq=False)
class Case:
    """One character and its own dance.

    picture: (h, w, 3) uint8 in RGB, of any size, which shows the character as the clip begins. frames: the
    true clip (f, h, w, 3) uint8; poses: of its f frames. fps: at which the frames follow each other.
    """

    name: str
    picture: np.ndarray
    frames: np.ndarray
    poses: PoseSequence
    fps: float


class CaseSet(Protocol):
    """Cases that are read one at a time. names: of all cases, which are also names of files."""

    @property
    def names(self) -> Sequence[str]: ...

    def case(self, number: int) -> Case:
        """Return the case names[number]; raises InvalidInput for files that cannot be used."""
        ...

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Return the poses of a randomly chosen human; raises InvalidInput where the set knows none."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Return what the set is, as JSON can hold it: equal for equal cases, wherever their files are."""
        ...


Setting = Literal["self-driven", "cross"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
ONTO_HUMAN = RetargetSettings(mode="align")

ChooseHuman = Callable[[], PoseSequence]


@dataclass(frozen=True, eq=False)
class Task:
    """What a system is given: the character, and the driving clip's frames (f, h, w, 3) and poses.

    fps: at which the frames follow each other; None where that is not known.
    """

    reference: Reference
    driving: np.ndarray
    poses: PoseSequence
    fps: float | None = None

    def frames(self) -> np.ndarray:
        """Return the driving frames, as `Animator` asks for them."""
        return self.driving

    def require_all(self, found: int) -> None:
        """All frames are in memory."""
        assert found == len(self.poses)


def task_of(case: Case, setting: Setting, human: ChooseHuman) -> Task:
    """Return what a system is given of a case.

    "self-driven": the first frame, and the poses, of one clip. "cross": the picture of the character, and
    the poses of its clip moved and scaled, by one similarity for all frames, to the place and size of a
    human, so that they fit the character no longer. The true clip is the same in both.
    """
    own = case.poses.select([0])
    if setting == "self-driven":
        return Task(Reference(case.frames[0], own), case.frames, case.poses, case.fps)
    body = human()
    character = Character(body.width, body.height, body)
    aligned = replace(retarget(case.poses, character, ONTO_HUMAN), fps=case.poses.fps)
    return Task(Reference(case.picture, own), case.frames, aligned, case.fps)
