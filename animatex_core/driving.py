"""The dance of a driving clip: the frames that are used of it, and their poses."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from .errors import AnimateXWarning, InvalidInput
from .pose.dwpose import DWPose
from .pose.formats.reader import read_poses
from .pose.keypoints import PoseSequence
from .pose.person import PersonRule
from .pose.video_match import SHAPE_TOLERANCE, compare_shapes
from .utils.progress import Progress, no_progress
from .video.audio import Sound
from .video.frame_selection import FrameChoice, choose_frames
from .video.info import VideoInfo, count_frames, probe
from .video.reader import read_frames


@dataclass(frozen=True)
class DrivingClip:
    """Chosen frames of a clip, and the poses of one person in exactly these frames."""

    clip: VideoInfo
    choice: FrameChoice
    poses: PoseSequence

    def __post_init__(self) -> None:
        self.require_all(len(self.poses))

    def require_all(self, found: int) -> None:
        """Raise InvalidInput where only `found` of the chosen frames could be decoded."""
        if found != len(self.choice.indices):
            raise InvalidInput(
                f"Only {found} of {len(self.choice.indices)} frames of {str(self.clip.path)!r} can be read: "
                "choose others by start and end, or export the clip again."
            )

    def frames(self) -> Iterator[np.ndarray]:
        """Read the chosen frames, (h, w, 3) uint8 in RGB, one at a time."""
        return read_frames(self.clip, indices=self.choice.indices)

    def sound(self, fps: float) -> Sound | None:
        """Return the sound of the chosen frames, in step with them at `fps` a second; None without any."""
        if not self.clip.has_audio:
            return None
        return Sound(self.clip.path, self.choice.start, self.choice.duration, self.choice.speed(fps))


def open_driving(
    video: str | Path,
    *,
    poses: str | Path | PoseSequence | None = None,
    dwpose: DWPose | None = None,
    frames: int | None = 32,
    stride: int = 2,
    start: float = 0.0,
    end: float | None = None,
    person: PersonRule = "best",
    progress: Progress = no_progress,
) -> DrivingClip:
    """Open a driving video, choose frames of it, and read or detect their poses.

    Args:
        video: The file.
        poses: Poses of all its frames, or a file with them; None to detect them.
        dwpose: Detects the poses; None for the small built-in pose models.
        frames: How many frames to use, None for all.
        stride: One frame in how many.
        start: Where to begin, in seconds.
        end: Where to end, in seconds; None for the end of the video.
        person: Which of several people is the dancer.
        progress: Called with the frames searched and those there are.

    Returns:
        The chosen frames with their poses.

    Raises:
        InvalidInput: A file cannot be read, or there are no such frames.

    """
    info = probe(video)
    total = count_frames(info)
    known = _known_poses(poses, info, person, total)
    if known is not None:
        total = common_length(info, known, total)
    choice = choose_frames(total, frames=frames, stride=stride, start=start, end=end, fps=info.fps)
    if known is None:
        found = _detected(dwpose or DWPose(), info, choice, person, progress)
    else:
        found = known.select(choice.indices).with_fps(choice.fps)
    return DrivingClip(info, choice, found)


def _known_poses(
    poses: str | Path | PoseSequence | None, info: VideoInfo, person: PersonRule, total: int
) -> PoseSequence | None:
    if poses is None or isinstance(poses, PoseSequence):
        return poses
    return poses_of_clip(poses, info, person, total)


def _detected(
    dwpose: DWPose, info: VideoInfo, choice: FrameChoice, person: PersonRule, progress: Progress
) -> PoseSequence:
    return dwpose.open().extract(
        read_frames(info, indices=choice.indices),
        fps=choice.fps,
        total=len(choice.indices),
        person=person,
        progress=progress,
    )


def poses_of_clip(
    path: str | Path, clip: VideoInfo, person: PersonRule = "best", frames: int | None = None
) -> PoseSequence:
    """Read the poses of a clip from a file; they are of square pixels, whatever those of the clip are.

    Programs that ignore the shape of pixels find poses in the frames as they are stored: their size, or the
    clip's where a file has none, is recognized.

    Args:
        path: The file.
        clip: What the poses belong to.
        person: Who is taken of several people.
        frames: Those of the clip, as for `read_poses`.

    Returns:
        The poses, in parts of the shown picture.

    Raises:
        InvalidInput: As `read_poses` does.

    """
    read = partial(read_poses, path, person=person, fps=clip.fps, frames=frames)
    shown, stored = (clip.width, clip.height), clip.stored_size
    if shown == stored:
        return read(size=shown)
    try:
        poses = read(size=stored)
    except InvalidInput:  # nearly all of it lies outside of the stored frames
        return in_square_pixels(read(size=shown), clip)
    if (poses.width, poses.height) == stored and poses.points[..., 0].max() > 1:
        poses = read(size=shown)  # wider than the stored frames
    return in_square_pixels(poses, clip)


def in_square_pixels(poses: PoseSequence, clip: VideoInfo) -> PoseSequence:
    """Return poses that were found in the stored frames of a clip as those of its square pixels.

    Others, and all of clips whose pixels are square, stay as they are.
    """
    stored, shown = clip.stored_size[0] / clip.stored_size[1], clip.width / clip.height
    found = poses.width / poses.height
    if abs(found - stored) > SHAPE_TOLERANCE * stored or abs(found - stored) >= abs(found - shown):
        return poses
    return replace(poses, width=max(1, round(poses.height * shown)))


def common_length(clip: VideoInfo, poses: PoseSequence, frames: int | None = None) -> int:
    """Return how many frames a clip and poses read from elsewhere share; warns where they do not match.

    frames: how many the clip has, counted by default. Raises InvalidInput for poses of upright pictures with
    a clip of wide ones, or the reverse.
    """
    frames = count_frames(clip) if frames is None else frames
    other_shape = compare_shapes((poses.width, poses.height), (clip.width, clip.height), "the clip")
    if other_shape is not None:
        _warn(other_shape)
    if len(poses) != frames:
        _warn(f"{_counts(len(poses), frames)}: the rest is left out.")
    return min(len(poses), frames)


def _counts(poses: int, frames: int) -> str:
    """Say how many there are, and what ratio of rates that would be."""
    words = f"There are poses of {poses} frames, but the clip has {frames}"
    for step in (2, 3, 4):
        more, fewer = ("poses", "clip") if poses > frames else ("clip", "poses")
        if abs(max(poses, frames) - step * min(poses, frames)) < step:
            return f"{words}, as if the {more} had {step} times the frame rate of the {fewer}"
    return words


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)
