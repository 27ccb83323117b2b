"""Cases of a benchmark: characters, driving videos and ground truth, aligned in time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...reference import Reference
from ...retarget.retarget import Character, RetargetSettings, retarget

SAME_RATE = 0.01  # relative difference of frame rates that are treated as equal, such as 24 and 23.976
SHAPE_TOLERANCE = 0.02  # relative difference of aspect ratios that are treated as equal
ROUNDING = 1e-6  # of a frame

Size = tuple[int, int]
Setting = Literal["self-driven", "cross"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
ALIGN_TO_HUMAN = RetargetSettings(mode="align")


def aligned_frames(path: Path, fps: float, total: int, truth_fps: float | None, count: int) -> list[int]:
    """Return the frame of a clip that is shown at the time of each frame of the ground truth.

    Args:
        path: The clip, for messages.
        fps: Frames per second of the clip.
        total: Number of frames of the clip.
        truth_fps: Frames per second of the compared frames of the ground truth; None maps frame k to frame k.
        count: Number of compared frames.

    Returns:
        Ascending indices, one for each frame of the ground truth.

    Raises:
        InvalidInput: The clip is too short, or its frame rate is lower than that of the comparison.

    """
    ratio = 1.0 if truth_fps is None else fps / truth_fps
    if abs(ratio - 1) <= SAME_RATE:
        ratio = 1.0
    if ratio < 1:
        raise InvalidInput(
            f"{str(path)!r} has {fps:g} frames per second, but the true clip is compared at {truth_fps:g}: "
            "encode it at that rate, or compare fewer frames with a larger --stride."
        )
    indices = [int(number * ratio + 0.5 + ROUNDING) for number in range(count)]
    if indices[-1] >= total:
        rate = "" if ratio == 1 else f" ({indices[-1] + 1} at its {fps:g} frames per second)"
        raise InvalidInput(
            f"{str(path)!r} has {total} frames, but the true clip has {count}{rate}: provide a clip of this "
            "length, or compare fewer frames."
        )
    return indices


def check_shape(path: Path, size: Size, allowed: Sequence[Size]) -> None:
    """Check that a clip can be resized without distortion.

    Args:
        path: The clip, for messages.
        size: Its width and height.
        allowed: Sizes, one of which must have the same aspect ratio.

    Raises:
        InvalidInput: The aspect ratio is another.

    """
    aspect = size[0] / size[1]
    if all(abs(aspect * height / width - 1) > SHAPE_TOLERANCE for width, height in allowed):
        width, height = allowed[0]
        raise InvalidInput(
            f"{str(path)!r} has frames of {size[0]}x{size[1]} pixels, but the true clip has "
            f"{width}x{height}: crop it to the same aspect ratio, or generate the clip again."
        )


@dataclass(frozen=True, eq=False)
class Case:
    """One character and its own dance.

    Attributes:
        name: Name of the case.
        picture: (h, w, 3) uint8 in RGB, any size, an image of the character in the pose of the first frame.
        frames: (f, h, w, 3) uint8, the true clip.
        poses: Poses of the f frames.
        fps: Frames per second.

    """

    name: str
    picture: np.ndarray
    frames: np.ndarray
    poses: PoseSequence
    fps: float


class CaseSet(Protocol):
    """Cases that are read one at a time. `names` are also used as file names."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the cases, each once."""
        ...

    def case(self, number: int) -> Case:
        """Read the case `names[number]`; raises InvalidInput for unusable files."""
        ...

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Return the poses of a random human; raises InvalidInput if the set has none."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Return JSON data that identifies the set: equal for equal cases, independent of file locations."""
        ...


ChooseHuman = Callable[[], PoseSequence]


@dataclass(frozen=True, eq=False)
class Task:
    """The input of a system.

    Attributes:
        reference: Image and pose of the character.
        driving: (f, h, w, 3) uint8, frames of the driving video.
        poses: Poses of the f frames.
        fps: Frames per second; None if unknown.

    """

    reference: Reference
    driving: np.ndarray
    poses: PoseSequence
    fps: float | None = None

    def frames(self) -> np.ndarray:
        """Return the driving frames, for the pipeline's protocol of driving videos."""
        return self.driving

    def require_all(self, found: int) -> None:
        """Check the number of frames; all of them are in memory."""
        assert found == len(self.poses)


def make_task(case: Case, setting: Setting, human: ChooseHuman) -> Task:
    """Create the input of a system for a case.

    In the setting "self-driven" the reference is the first frame, and the poses are those of the same clip.
    In "cross" the reference is the image of the character. The poses of its clip are moved and scaled, by one
    similarity for all frames, to the position and size of a human, so that they no longer fit the character.
    The true clip is the same in both settings.

    Args:
        case: The case.
        setting: The setting.
        human: Returns the poses of a human; only called for "cross".

    Returns:
        The input.

    """
    reference_pose = case.poses.select([0])
    if setting == "self-driven":
        return Task(Reference(case.frames[0], reference_pose), case.frames, case.poses, case.fps)
    body = human()
    character = Character(body.width, body.height, body)
    aligned = replace(retarget(case.poses, character, ALIGN_TO_HUMAN), fps=case.poses.fps)
    return Task(Reference(case.picture, reference_pose), case.frames, aligned, case.fps)
