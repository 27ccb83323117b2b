"""Poses in files: OpenPose JSON and what other programs write, in one reader.

A file is a frame {"people": [...], "canvas_width": ..., "canvas_height": ...}, a list of such frames, or has
one of the forms in `pose_forms`; a folder of OpenPose's files has one frame in each.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import AnimateXWarning
from ...utils.files import atomic_write
from ...utils.progress import Progress, no_progress, with_progress
from ..keypoints import PoseSequence, seen
from ..person import PersonRule
from .frames import frames_of_data, frames_of_files
from .hand_sides import are_hands_confused
from .person import written_person
from .raw_frame import HANDS_KEPT
from .sequence import clip_poses
from .text import files_of_clip
from .units import Size

CORNER = 1e-50  # for a point at (0, 0), where other programs put missing ones; it becomes 0 in float32


def read_poses(
    path: str | Path,
    *,
    person: PersonRule = "best",
    fps: float | None = None,
    size: Size | None = None,
    frames: int | None = None,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Read one person's poses from a file, or a folder with one file a frame.

    Args:
        path: JSON of OpenPose, AlphaPose, MMPose, COCO, DWPose or MediaPipe; JSON lines; a folder of
            OpenPose's files; or, in a folder with several clips, how the names of one begin: `folder/dance`.
        person: Who is meant where there are several.
        fps: Frames a second of the clip.
        size: (width, height) in pixels of the picture, where the file does not tell it.
        frames: How many frames the clip has, where that is known, to tell where numbered frames belong.
        progress: Called for the frames of each file, then for those of the clip; what it raises ends it.

    Returns:
        The poses, with nobody in frames that are missing between numbered ones.

    Raises:
        InvalidInput: For what cannot be read. An AnimateXWarning tells what had to be guessed or left out.

    """
    path = Path(path)
    found = frames_of_files(files_of_clip(path), str(path), fps, frames, progress)
    poses = clip_poses(found.frames, person, fps, size, str(path), progress, found.notes)
    if not seen(poses.points).any():
        warnings.warn(AnimateXWarning(f"Nobody is seen in {path}."), stacklevel=2)
    return poses


def poses_from_openpose(
    data: object,
    *,
    person: PersonRule = "best",
    fps: float | None = None,
    size: Size | None = None,
    source: str = "the poses",
    progress: Progress = no_progress,
) -> PoseSequence:
    """Return the poses of parsed JSON or a ComfyUI POSE_KEYPOINT; otherwise as `read_poses`.

    source: how errors name the data.
    """
    found = frames_of_data(data, source, fps, progress)
    return clip_poses(found.frames, person, fps, size, source, progress, found.notes)


def openpose_from_poses(poses: PoseSequence, progress: Progress = no_progress) -> list[dict]:
    """Return a ComfyUI POSE_KEYPOINT: a dict a frame, in pixels, c 1.0 for points that were seen, else zeros.

    Feet are written as big and small toe at one place, without heels; the face without its two pupils.
    """
    return list(with_progress(_written_frames(poses), len(poses), progress))


def write_poses(path: str | Path, poses: PoseSequence, progress: Progress = no_progress) -> None:
    """Write poses as OpenPose JSON, the frames of `openpose_from_poses`, which does not tell the frame rate.

    Reading gives seen points back at the same places, with the score 1. progress: called for each frame; what
    it raises ends the work. Raises StorageError. After any error no file or the former one is there.
    """
    with atomic_write(path) as file:
        for index, frame in enumerate(with_progress(_written_frames(poses), len(poses), progress)):
            file.write(b",\n" if index else b"[")
            file.write(json.dumps(frame, separators=(",", ":"), allow_nan=False).encode())
        file.write(b"]" if len(poses) else b"[]")


def _written_frames(poses: PoseSequence) -> Iterator[dict]:
    size = np.array([poses.width, poses.height])
    # Reading would take such hands for those of a program that confuses them.
    kept = {HANDS_KEPT: True} if are_hands_confused(poses.points, (poses.width, poses.height)) else {}
    for points in poses.points:
        found = seen(points)
        pixels = _pixels(points[:, :2], size)
        pixels[found & (pixels == 0).all(axis=1)] = CORNER
        yield {
            "people": [written_person(np.where(found[:, None], np.column_stack([pixels, found]), 0))],
            "canvas_height": poses.height,
            "canvas_width": poses.width,
            **kept,
        }


def _pixels(parts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return pixels (n, 2) in digits that bring parts of the picture (n, 2) float32 back exactly."""
    exact = parts.astype(np.float64) * size
    exponents = np.floor(np.log10(np.abs(exact), where=exact != 0, out=np.zeros_like(exact)))
    scale = 10.0 ** (8 - exponents)  # a float32 has less than nine digits
    short = np.round(exact, 3)
    return np.where((short / size).astype(np.float32) == parts, short, np.rint(exact * scale) / scale)
