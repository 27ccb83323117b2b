"""The driving input of a command: a video, or motion capture; and poses written as JSON or BVH."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..driving import DrivingClip
from ..driving_motion import clip_of
from ..motion.bones import find_bones
from ..motion.bvh import is_bvh, read_bvh
from ..motion.planar import write_bvh
from ..motion.settings import MotionSettings
from ..motion.skeleton import MotionCapture
from ..pose.formats.reader import write_poses
from ..pose.keypoints import PoseSequence
from ..utils.progress import Progress
from ..video.info import VideoInfo, probe
from .inputs import filter_poses, read_driving_clip
from .motion_options import find_motion, motion_settings


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that was read and whose bones are known, and how it becomes a clip."""

    path: Path
    capture: MotionCapture
    settings: MotionSettings


def find_dance(arguments: argparse.Namespace) -> VideoInfo | Recording:
    """Open the driving video, or read the motion file, so that what cannot be used fails early."""
    path = find_motion(arguments)
    if path is None:
        return probe(arguments.driving, fps=arguments.driving_fps)
    settings, capture = motion_settings(arguments), read_bvh(path)
    find_bones(capture.skeleton, settings.bones, f"The motion file {path.name!r}")
    return Recording(path, capture, settings)


def read_dance(
    arguments: argparse.Namespace, dance: VideoInfo | Recording, progress: Progress
) -> DrivingClip:
    """Select frames, and read or detect their poses, or compute them from the motion file.

    Args:
        arguments: The parsed arguments.
        dance: From `find_dance`.
        progress: Called after every frame that is processed.

    """
    if isinstance(dance, VideoInfo):
        return read_driving_clip(arguments, dance, progress)
    clip = clip_of(
        dance.capture,
        dance.path,
        dance.settings,
        frames=arguments.frames,
        stride=arguments.stride,
        start=arguments.start,
        end=arguments.end,
        progress=progress,
    )
    return clip.with_poses(filter_poses(arguments, clip.poses))


def write_pose_file(path: Path, poses: PoseSequence) -> None:
    """Write poses as planar BVH if the path ends in .bvh, else as OpenPose JSON."""
    write = write_bvh if is_bvh(path) else write_poses
    write(path, poses)
