"""A driving video cut to a loop."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .driving import DrivingClip
from .loops.beats import find_beats
from .loops.loop import Loop, LoopSettings, find_loop
from .pose.keypoints import PoseSequence
from .utils.progress import Progress, no_progress
from .video.audio_samples import read_samples


@dataclass(frozen=True, eq=False)
class LoopedClip(DrivingClip):
    """The frames and poses of a loop. Its sound is that of the part, which runs on while a ping-pong returns.

    Attributes:
        whole: The clip that the loop is a part of.
        loop: Which part.
        measured_frames: How many of the first frames of `whole` retargeting measures; None for those of the
            loop.

    """

    whole: DrivingClip
    loop: Loop
    measured_frames: int | None = None

    @property
    def measured(self) -> PoseSequence:
        """Poses by which retargeting measures the dancer."""
        if self.measured_frames is None:
            return self.poses
        return self.whole.poses.select(range(self.measured_frames))

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames of the loop: (h, w, 3) uint8, RGB. Those of a ping-pong are kept until its end."""
        backward: list[np.ndarray] = []
        for index, frame in enumerate(self.whole.frames()):
            if index >= self.loop.stop:
                break
            if index >= self.loop.start:
                yield frame
            if self.loop.mode == "ping-pong" and self.loop.start < index < self.loop.stop - 1:
                backward.append(frame)
        yield from reversed(backward)


def loop_driving(
    dance: DrivingClip, settings: LoopSettings | None = None, progress: Progress = no_progress
) -> LoopedClip:
    """Cut a driving video to its best loop, on the beats of its sound if it has any.

    Args:
        dance: The clip.
        settings: What kind of loop; None for the defaults.
        progress: Called for each possible beginning; may raise to stop.

    Returns:
        The loop.

    Raises:
        InvalidInput: There is no loop, see `find_loop`.

    """
    choice = dance.choice
    sound = read_samples(dance.clip, choice.start, choice.duration) if dance.clip.has_audio else None
    beats = None if sound is None else find_beats(sound)
    return _cut(dance, find_loop(dance.poses, settings, beats, choice.fps, progress))


def continuation(dance: DrivingClip, done: int, overlap: int) -> LoopedClip:
    """Return what continues an animation of the first frames of a dance.

    The character moves as in the animation: retargeting measures the frames that it was made of.

    Args:
        dance: The dance, from its first frame in the animation on.
        done: How many frames the animation has, fewer than the dance.
        overlap: How many of these are repeated.

    """
    part = _cut(dance, Loop("cut", done - overlap, len(dance.poses), 0.0))
    return replace(part, measured_frames=done)


def _cut(dance: DrivingClip, loop: Loop) -> LoopedClip:
    indices = tuple(dance.choice.indices[index] for index in loop.indices)
    poses = dance.poses.select(loop.indices)
    return LoopedClip(dance.clip, replace(dance.choice, indices=indices), poses, dance, loop)
