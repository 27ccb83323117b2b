"""The two settings of the paper (section 4.1): what a system is given of a case."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ...pipeline import Reference
from ...pose.skeleton import PoseSequence
from ...retarget.retarget import Character, RetargetSettings, retarget
from .cases import Case

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
