"""A driving video: the frames chosen from it and the poses of one person in these frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from .errors import InvalidInput, warn
from .pose.dwpose import DWPose
from .pose.formats.reader import read_poses
from .pose.keypoints import PoseSequence
from .pose.person import PersonRule
from .pose.video_match import SHAPE_TOLERANCE, compare_shapes
from .utils.progress import Progress, no_progress
from .video.audio import AudioSource
from .video.frame_selection import FrameChoice, choose_frames
from .video.info import VideoInfo, count_frames, probe
from .video.reader import read_frames


@dataclass(frozen=True)
class DrivingClip:
    """Chosen frames of a video, and the poses of one person in exactly these frames.

    Attributes:
        clip: The driving video.
        choice: Which of its frames are used.
        poses: One pose per chosen frame.

    Raises:
        InvalidInput: There are more or fewer poses than chosen frames.

    """

    clip: VideoInfo
    choice: FrameChoice
    poses: PoseSequence

    def __post_init__(self) -> None:
        self.require_all(len(self.poses))

    @property
    def measured(self) -> PoseSequence:
        """Poses by which retargeting measures the dancer: those of the frames."""
        return self.poses

    def require_all(self, found: int) -> None:
        """Raise InvalidInput if only `found` of the chosen frames could be decoded."""
        if found != len(self.choice.indices):
            raise InvalidInput(
                f"Only {found} of {len(self.choice.indices)} frames of {str(self.clip.path)!r} can be read: "
                "choose other frames with start and end, or export the video again."
            )

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the chosen frames one at a time: (h, w, 3) uint8, RGB."""
        return read_frames(self.clip, indices=self.choice.indices)

    def sound(self, fps: float) -> AudioSource | None:
        """Return the sound of the chosen frames, in sync with them.

        Args:
            fps: Frame rate at which the frames are played.

        Returns:
            The sound, or None if the video has none.

        """
        if not self.clip.has_audio:
            return None
        return AudioSource(self.clip.path, self.choice.start, self.choice.duration, self.choice.speed(fps))


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
    choose = partial(choose_frames, frames=frames, stride=stride, start=start, end=end, fps=info.fps)

    def detect(choice: FrameChoice) -> PoseSequence:
        return (
            (dwpose or DWPose())
            .open()
            .extract(
                read_frames(info, indices=choice.indices),
                fps=choice.fps,
                total=len(choice.indices),
                person=person,
                progress=progress,
            )
        )

    return choose_driving(info, choose, poses=poses, person=person, detect=detect)


def choose_driving(
    video: VideoInfo,
    choose: Callable[[int], FrameChoice],
    *,
    poses: str | Path | PoseSequence | None,
    person: PersonRule,
    detect: Callable[[FrameChoice], PoseSequence],
) -> DrivingClip:
    """Choose frames of a driving video with their poses.

    Args:
        video: The driving video.
        choose: Chooses from a number of frames.
        poses: Poses of all frames, or a file with them; None to detect those of the chosen frames.
        person: Which of several people in the file is the dancer.
        detect: Detects the poses of the chosen frames.

    Returns:
        The chosen frames with their poses.

    Raises:
        InvalidInput: A file cannot be read, or there are no such frames.

    """
    total = count_frames(video)
    if poses is None:
        choice = choose(total)
        return DrivingClip(video, choice, detect(choice))
    known = poses if isinstance(poses, PoseSequence) else read_driving_poses(poses, video, person, total)
    choice = choose(common_length(video, known, total))
    return DrivingClip(video, choice, known.select(choice.indices).with_fps(choice.fps))


def read_driving_poses(
    path: str | Path, video: VideoInfo, person: PersonRule = "best", frames: int | None = None
) -> PoseSequence:
    """Read the poses of a video from a file and convert them to square pixels.

    Programs that ignore the pixel aspect ratio detect poses in the frames as they are stored. The stored size
    of the frames is recognized by the size in the file, or is assumed if the file has none.

    Args:
        path: The pose file.
        video: The video that the poses belong to.
        person: Which person to choose if there are several.
        frames: Number of frames of the video, as for `read_poses`.

    Returns:
        The poses, as fractions of the displayed frame.

    Raises:
        InvalidInput: As for `read_poses`.

    """
    read = partial(read_poses, path, person=person, fps=video.fps, frames=frames)
    shown, stored = (video.width, video.height), video.stored_size
    if shown == stored:
        return read(size=shown)
    try:
        poses = read(size=stored)
    except InvalidInput:  # most joints lie outside the stored frames
        return to_square_pixels(read(size=shown), video)
    if (poses.width, poses.height) == stored and poses.points[..., 0].max() > 1:
        poses = read(size=shown)  # wider than the stored frames
    return to_square_pixels(poses, video)


def to_square_pixels(poses: PoseSequence, video: VideoInfo) -> PoseSequence:
    """Convert poses detected in a video's stored frames to its square pixels.

    Args:
        poses: Poses of the video.
        video: The video.

    Returns:
        The poses with the displayed aspect ratio. Poses that were not detected in the stored frames, and all
        poses of videos with square pixels, are returned unchanged.

    """
    stored, shown = video.stored_size[0] / video.stored_size[1], video.width / video.height
    found = poses.width / poses.height
    if abs(found - stored) > SHAPE_TOLERANCE * stored or abs(found - stored) >= abs(found - shown):
        return poses
    return replace(poses, width=max(1, round(poses.height * shown)))


def common_length(video: VideoInfo, poses: PoseSequence, frames: int | None = None) -> int:
    """Return how many frames a video and poses from another source share; warn if they do not match.

    Args:
        video: The video.
        poses: Its poses.
        frames: Number of frames of the video; None counts them.

    Raises:
        InvalidInput: The poses are of portrait images and the video is landscape, or the reverse.

    """
    frames = count_frames(video) if frames is None else frames
    other_shape = compare_shapes((poses.width, poses.height), (video.width, video.height), "the video")
    if other_shape is not None:
        warn(other_shape)
    if len(poses) != frames:
        warn(f"{_counts(len(poses), frames)}: the extra frames are ignored.")
    return min(len(poses), frames)


def _counts(poses: int, frames: int) -> str:
    """Describe both counts and, if they suggest it, the ratio of the frame rates."""
    words = f"There are poses of {poses} frames, but the video has {frames}"
    for step in (2, 3, 4):
        more, fewer = ("poses", "video") if poses > frames else ("video", "poses")
        if abs(max(poses, frames) - step * min(poses, frames)) < step:
            return f"{words}, as if the {more} had {step} times the frame rate of the {fewer}"
    return words
