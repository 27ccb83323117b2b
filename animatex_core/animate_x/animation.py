"""What a pipeline takes and returns, whichever system it is of."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..driving import DrivingClip
from ..errors import InvalidInput
from ..pose.keypoints import PoseSequence
from ..video.writer import write_clip

Report = Callable[[str, int, int], None]
"""Called with the name of a stage, what is done of it and what there is; may raise to stop the work."""


def no_report(stage: str, done: int, total: int) -> None:
    """Ignore a report."""


class DrivingSource(Protocol):
    """Driving frames with their poses: a `DrivingClip`, or frames in memory."""

    @property
    def poses(self) -> PoseSequence:
        """The poses, one per frame."""
        ...

    def frames(self) -> Iterable[np.ndarray]:
        """Return the frames that the poses are of, (h, w, 3) uint8 in RGB."""
        ...

    def require_all(self, found: int) -> None:
        """Raise InvalidInput unless `found` is the number of the frames."""
        ...


def all_frames(driving: DrivingSource) -> Iterator[np.ndarray]:
    """Yield every driving frame.

    Raises:
        InvalidInput: Some frames cannot be read.

    """
    done = 0
    for frame in driving.frames():
        yield frame
        done += 1
    driving.require_all(done)


@dataclass(frozen=True, eq=False)
class Animation:
    """An animated character.

    Attributes:
        frames: (f, height, width, 3) uint8 in RGB.
        poses: The retargeted poses that the frames follow.
        retargeting: How these were made from the driving poses, in words.
        driving: The driving video, for frame rate and audio; None if the frames came from memory.

    """

    frames: np.ndarray
    poses: PoseSequence
    retargeting: str
    driving: DrivingClip | None = None

    @property
    def fps(self) -> float | None:
        """Frames per second at which the motion is as fast as in the driving video; None if unknown."""
        return self.poses.fps if self.driving is None else self.driving.choice.fps

    def save(
        self, path: str | Path, *, fps: float | None = None, quality: float = 7.0, silent: bool = False
    ) -> Path:
        """Write the frames, with the audio of the driving video.

        Args:
            path: An .mp4, .webm or .gif file, or a folder for PNG frames; an existing file is replaced.
            fps: Frames per second; audio is stretched to stay in step. None: the tempo of the driving video.
            quality: 0 to 10.
            silent: Whether to leave out the audio.

        Returns:
            The path.

        Raises:
            InvalidInput: The format or a setting is not supported, or no frame rate is known.
            StorageError: The file cannot be written.

        """
        rate = self.fps if fps is None else fps
        if rate is None:
            raise InvalidInput("The frame rate of the animation is unknown: pass fps=, such as 12.")
        sound = None if silent or self.driving is None else self.driving.sound(rate)
        return write_clip(path, self.frames, fps=rate, quality=quality, sound=sound)
