"""What the pipelines of both systems have in common: opening the inputs, and the order of the steps."""

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from torch import Tensor

from ..driving import DrivingClip, open_driving
from ..driving_motion import open_motion
from ..errors import AnimateXError, InvalidInput
from ..motion.bvh import is_bvh
from ..pose.dwpose import DWPose
from ..pose.keypoints import PoseSequence
from ..reference import ImageSource, Reference, open_reference
from ..retarget.character import Box
from ..retarget.retarget import Retargeted, RetargetSettings, retarget_with_plan
from ..utils.progress import Progress
from ..utils.ranks import Ranks
from .animation import Animation, DrivingSource, Report


@dataclass(frozen=True)
class InputOptions:
    """How a pipeline's call opens the inputs that are files; what is open already stays as it is.

    Attributes:
        poses: As for `open_driving`, like the following ones.
        frames: How many frames to use, None for all.
        stride: One frame in how many.
        start: Where to begin, in seconds.
        end: Where to end, in seconds; None for the end of the video.
        box: As for `open_reference`, like the mask.
        mask: A mask of the character.

    """

    poses: str | Path | PoseSequence | None
    frames: int | None
    stride: int
    start: float
    end: float | None
    box: Box | None
    mask: str | Path | np.ndarray | None

    def open_reference(self, image: ImageSource | Reference, dwpose: DWPose | None) -> Reference:
        """Open the reference; `dwpose` detects its pose unless it is None. Raises InvalidInput."""
        if isinstance(image, Reference):
            return image
        return open_reference(image, box=self.box, mask=self.mask, dwpose=dwpose)

    def open_driving(
        self, video: str | Path | DrivingSource, dwpose: DWPose, progress: Progress
    ) -> DrivingSource:
        """Open the driving video, unless it is open already.

        Args:
            video: A file, or frames with their poses. A path that ends in .bvh is motion capture.
            dwpose: Detects the poses if none are given.
            progress: Called with the frames searched and those there are.

        Raises:
            InvalidInput: A file cannot be read, or there are no such frames.

        """
        if not isinstance(video, str | Path):
            return video
        part: dict[str, Any] = {
            "frames": self.frames,
            "stride": self.stride,
            "start": self.start,
            "end": self.end,
        }
        if not is_bvh(video):
            return open_driving(video, poses=self.poses, dwpose=dwpose, progress=progress, **part)
        if self.poses is not None:
            raise InvalidInput("poses are given, but a motion file has poses of its own: leave them out.")
        return open_motion(video, progress=progress, **part)


class TransferSettings(Protocol):
    """Settings of an animation, as far as the shared steps know them."""

    @property
    def retarget(self) -> RetargetSettings:
        """How the driving poses are transferred to the character."""
        ...

    @property
    def sampling(self) -> Any:
        """How to sample, in the form of the system."""
        ...


SettingsT = TypeVar("SettingsT", bound=TransferSettings)
ConditionsT = TypeVar("ConditionsT")
Pipeline = TypeVar("Pipeline", bound="Animator[Any, Any]")


class Animator(ABC, Generic[SettingsT, ConditionsT]):
    """A pipeline. Its steps are `retarget`, and what a system defines: `conditions`, `sample`, `decode`.

    Attributes:
        report: Called as the work proceeds.
        dwpose: Detects the poses that a call is not given.
        ranks: The processes that sample together.

    """

    report: Report
    dwpose: DWPose
    ranks: Ranks

    def animate_files(
        self,
        reference: ImageSource | Reference,
        driving: str | Path | DrivingSource,
        options: InputOptions,
        settings: SettingsT,
    ) -> Animation:
        """Open the inputs and animate the character.

        Args:
            reference: The character, as a file, an image or open already.
            driving: The driving video, as a file or open already.
            options: How to open them.
            settings: The settings. Without retargeting, the pose of the reference is not detected.

        Returns:
            The animation.

        Raises:
            AnimateXError: An input cannot be used; the message says what to do.

        """
        detector = None if settings.retarget.mode == "none" else self.dwpose
        character = options.open_reference(reference, detector)
        dance = options.open_driving(driving, self.dwpose, partial(self.report, "poses"))
        return self.animate(character, dance, settings)

    def animate(self, reference: Reference, driving: DrivingSource, settings: SettingsT) -> Animation:
        """Animate a character whose inputs are open already.

        Args:
            reference: The character.
            driving: The driving frames with their poses. Animate-X++ repeats the last one until there are
                4n + 1.
            settings: The settings.

        Returns:
            The animation.

        Raises:
            InvalidInput: Sizes or settings are not possible.
            OutOfMemory: The message says what to lower.

        """
        retargeted = self.retarget(reference, driving, settings.retarget)
        conditions = self.conditions(reference, driving, retargeted.poses, retargeted.own_pose, settings)
        frames = self.decode(self.sample(conditions, settings.sampling))
        last = len(retargeted.poses) - 1
        poses = retargeted.poses.select([min(frame, last) for frame in range(len(frames))])
        source = driving if isinstance(driving, DrivingClip) else None
        return Animation(frames, poses, retargeted.plan.description, source)

    def retarget(
        self, reference: Reference, driving: DrivingSource, settings: RetargetSettings | None = None
    ) -> Retargeted:
        """Transfer the driving poses to the character; the result tells how, and has the poses."""
        measured = driving.measured if isinstance(driving, DrivingClip) else None
        settings = settings or RetargetSettings()
        return retarget_with_plan(driving.poses, reference.character, settings, measured)

    def with_ranks(self: Pipeline, ranks: Ranks) -> Pipeline:
        """Return the same pipeline as one of several processes that sample together."""
        return replace(self, ranks=ranks)  # type: ignore[type-var]  # every pipeline is a dataclass

    def assist(self) -> None:
        """Do this process's share of every sampling of the first process, until that one has finished.

        An error of a sampling is raised in the first process.
        """
        while (sampling := self.ranks.receive()) is not None:
            with suppress(AnimateXError):
                self.sample(*sampling)

    def share_sampling(self, conditions: ConditionsT, settings: Any) -> None:
        """Send what `sample` is called with to the other processes, if this is the first."""
        if self.ranks.is_first:
            self.ranks.share((conditions, settings))

    @abstractmethod
    def conditions(
        self,
        reference: Reference,
        driving: DrivingSource,
        poses: PoseSequence,
        own_pose: PoseSequence | None,
        settings: SettingsT,
    ) -> ConditionsT:
        """Return the conditions of the denoiser.

        Args:
            reference: The character.
            driving: The driving frames with their poses, from which the motion is read.
            poses: The retargeted poses, one per driving frame.
            own_pose: The pose of the reference, None if unknown.
            settings: Sizes and what else the system needs.

        Returns:
            The conditions.

        Raises:
            InvalidInput: Sizes are not possible.
            OutOfMemory: The message says what to lower.

        """

    @abstractmethod
    def sample(self, conditions: ConditionsT, settings: Any) -> Tensor:
        """Sample latents (1, c, f, h, w) with the output of `conditions`; may raise OutOfMemory."""

    @abstractmethod
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to frames (f, height, width, 3) uint8 in RGB; may raise OutOfMemory."""
