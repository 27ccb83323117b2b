"""Motion capture as the dance: a BVH file opened as driving frames, a mannequin, with poses."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .driving import DrivingClip
from .errors import InvalidInput
from .motion.body import body_motion
from .motion.bones import find_bones
from .motion.bvh import read_bvh
from .motion.camera import SeenBody, see
from .motion.mannequin import draw_mannequins
from .motion.planar import planar_size
from .motion.settings import MotionSettings
from .motion.skeleton import MotionCapture
from .pose.keypoints import POINTS, PoseSequence
from .utils.progress import Progress, no_progress
from .video.frame_selection import choose_frames
from .video.info import VideoInfo

MAX_FRAMES = 100_000  # of a clip: about 200 MB of points
MAX_TOTAL = 1_000_000  # of the whole recording at the chosen frame rate


@dataclass(frozen=True, eq=False)
class MotionClip(DrivingClip):
    """A clip whose frames show a mannequin. `clip` describes these frames as if they were a video.

    Attributes:
        seen: The body in each frame.

    """

    seen: SeenBody

    def frames(self) -> Iterator[np.ndarray]:
        """Draw the frames one at a time: (h, w, 3) uint8, RGB."""
        return draw_mannequins(self.seen)

    def with_poses(self, poses: PoseSequence) -> "MotionClip":
        """Return the clip with other poses of the same frames, such as smoothed ones."""
        return replace(self, poses=poses)


def open_motion(
    path: str | Path,
    settings: MotionSettings | None = None,
    *,
    frames: int | None = 32,
    stride: int = 2,
    start: float = 0.0,
    end: float | None = None,
    progress: Progress = no_progress,
) -> MotionClip:
    """Open a BVH file as a driving clip.

    Args:
        path: The file.
        settings: Camera, frame rate and bones; None for the defaults.
        frames: How many frames to use, None for all.
        stride: One frame in how many, at the frame rate of the settings.
        start: Where to begin, in seconds.
        end: Where to end, in seconds; None for the end of the recording.
        progress: Called with the numbers that are read, then with the frames that are posed, and those there
            are. An exception it raises stops the work.

    Returns:
        The frames with their poses.

    Raises:
        InvalidInput: The file cannot be used, a bone is missing, or there are no such frames.

    """
    settings = settings or MotionSettings()
    return clip_of(read_bvh(path, progress), Path(path), settings, frames, stride, start, end, progress)


def clip_of(
    capture: MotionCapture,
    path: Path,
    settings: MotionSettings,
    frames: int | None,
    stride: int,
    start: float,
    end: float | None,
    progress: Progress = no_progress,
) -> MotionClip:
    """Return the clip of a recording that was read; arguments and errors as for `open_motion`."""
    bones = find_bones(capture.skeleton, settings.bones, f"The motion file {path.name!r}")
    video = describe(capture, path, settings)
    choice = choose_frames(
        video.frames or 1, frames=frames, stride=stride, start=start, end=end, fps=settings.fps
    )
    _require_at_most(len(choice.indices), MAX_FRAMES)
    times = np.array(choice.indices) * (capture.fps / settings.fps)
    body = body_motion(capture, times, bones, progress)
    seen = see(body, settings.camera, is_planar=planar_size(capture.skeleton) is not None)
    return MotionClip(video, choice, poses_of(seen, choice.fps), seen)


def describe(capture: MotionCapture, path: Path, settings: MotionSettings) -> VideoInfo:
    """Return the properties of the video that the mannequin would be, at the frame rate of the settings."""
    duration = (len(capture) - 1) / capture.fps
    camera, total = settings.camera, math.floor(duration * settings.fps + 1e-6) + 1
    _require_at_most(total, MAX_TOTAL)
    return VideoInfo(
        path,
        camera.width,
        camera.height,
        settings.fps,
        total,
        total / settings.fps,
        has_audio=False,
        has_alpha=False,
    )


def _require_at_most(frames: int, most: int) -> None:
    if frames > most:
        raise InvalidInput(
            f"The motion has {frames:,} frames at this rate, but at most {most:,} are used: choose a part "
            "with start and frames, a lower frame rate, or cut the recording into shorter ones."
        )


def poses_of(seen: SeenBody, fps: float | None) -> PoseSequence:
    """Return the poses of a body that a camera sees; the face's 68 points are not there."""
    points = np.zeros((len(seen), POINTS, 3), np.float32)
    places = seen.points[..., :2] / [seen.width, seen.height]
    shown = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=2)
    points[:, : seen.points.shape[1]] = np.where(seen.visible[..., None], shown, 0)
    return PoseSequence.from_points(points, seen.width, seen.height, fps)
