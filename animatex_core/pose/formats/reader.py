"""Read and write poses: OpenPose JSON, and the formats of other programs.

A file is a frame {"people": [...], "canvas_width": ..., "canvas_height": ...}, a list of such frames, or has
one of the formats in `dialects`. A folder of OpenPose's files has one frame per file.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...errors import warn
from ...utils.files import atomic_write
from ...utils.progress import Progress, no_progress, with_progress
from ..keypoints import PoseSequence, people_of, seen
from ..person import PersonRule
from .frames import frames_from_data, frames_from_files
from .normalization import are_hands_confused
from .person import NUMBER, person_to_openpose
from .raw_frame import HANDS_KEPT
from .selection import select_people, select_person
from .text import find_pose_files
from .units import Size

CORNER = 1e-50  # written for a point at (0, 0), where missing ones are put; it becomes 0 in float32


def read_poses(
    path: str | Path,
    *,
    person: PersonRule = "best",
    fps: float | None = None,
    size: Size | None = None,
    frames: int | None = None,
    progress: Progress = no_progress,
) -> PoseSequence:
    """Read the poses of one person from a file, or from a folder with one file per frame.

    An AnimateXWarning lists guesses and ignored data.

    Args:
        path: JSON of OpenPose, AlphaPose, MMPose, COCO, DWPose or MediaPipe; JSON lines; a folder of
            OpenPose's files; or, in a folder with several videos, the prefix of one: `folder/dance`.
        person: Which person to choose if there are several.
        fps: Frame rate of the video.
        size: (width, height) of the image in pixels, used if the file does not contain it.
        frames: Number of frames of the video, if known. It helps to place numbered frames.
        progress: Called for the frames of each file, then for those of the video. An exception it raises
            stops the work.

    Returns:
        The poses. Frames missing between numbered ones show nobody.

    Raises:
        InvalidInput: The files cannot be read or are not poses.

    """
    path = Path(path)
    found = frames_from_files(find_pose_files(path), str(path), fps, frames, progress)
    poses = select_person(found, person, fps, size, str(path), progress)
    if not seen(poses.points).any():
        warn(f"No person was found in {path}.")
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
    """Convert parsed JSON or a ComfyUI POSE_KEYPOINT to poses, as `read_poses` does.

    Args:
        data: Parsed JSON.
        person: As for `read_poses`.
        fps: As for `read_poses`.
        size: As for `read_poses`.
        source: Name of the data in messages.
        progress: As for `read_poses`.

    Raises:
        InvalidInput: The data is not poses.

    """
    found = frames_from_data(data, source, fps, progress)
    return select_person(found, person, fps, size, source, progress)


def read_people(
    path: str | Path, *, fps: float | None = None, size: Size | None = None, progress: Progress = no_progress
) -> tuple[PoseSequence, ...]:
    """Read the poses of all people from a file or folder, as `read_poses` does for one of them.

    Args:
        path: As for `read_poses`, like the other arguments.
        fps: Frame rate of the video.
        size: (width, height) of the image in pixels.
        progress: Called for the frames of each file.

    Returns:
        One sequence per person, of all frames. If the file does not number the people, they are followed from
        frame to frame.

    Raises:
        InvalidInput: The files cannot be read or are not poses.

    """
    path = Path(path)
    found = frames_from_files(find_pose_files(path), str(path), fps, None, progress)
    return select_people(found, fps, size, str(path), progress)


def people_from_openpose(
    data: object,
    *,
    fps: float | None = None,
    size: Size | None = None,
    source: str = "the poses",
    progress: Progress = no_progress,
) -> tuple[PoseSequence, ...]:
    """Convert parsed JSON or a ComfyUI POSE_KEYPOINT to the poses of all people, as `read_people` does.

    Args:
        data: Parsed JSON.
        fps: As for `read_people`.
        size: As for `read_people`.
        source: Name of the data in messages.
        progress: As for `read_people`.

    Raises:
        InvalidInput: The data is not poses.

    """
    return select_people(frames_from_data(data, source, fps, progress), fps, size, source, progress)


def openpose_from_poses(
    poses: PoseSequence | Sequence[PoseSequence], progress: Progress = no_progress
) -> list[dict]:
    """Convert poses to a ComfyUI POSE_KEYPOINT: one dict per frame, in pixels.

    Visible points have a c of 1.0, others are zeros. Feet have big and small toe at one position and no heel;
    the face has no pupils.

    Args:
        poses: The poses of one person, or of several people, each of all frames. Several are numbered, and
            those who are missing in a frame are people without points.
        progress: Called for each frame. An exception it raises stops the work.

    """
    people = people_of(poses)
    return list(with_progress(_written_frames(people), len(people[0]), progress))


def write_poses(
    path: str | Path, poses: PoseSequence | Sequence[PoseSequence], progress: Progress = no_progress
) -> None:
    """Write poses as OpenPose JSON, the frames of `openpose_from_poses`, without a frame rate.

    Reading the file returns visible points at exactly the same positions, with a score of 1. The file appears
    only when it is complete; after an error the previous one, if any, remains.

    Args:
        path: The file to write.
        poses: As for `openpose_from_poses`.
        progress: Called for each frame. An exception it raises stops the work.

    Raises:
        StorageError: The file cannot be written.

    """
    people = people_of(poses)
    frames = with_progress(_written_frames(people), len(people[0]), progress)
    with atomic_write(path) as file:
        for index, frame in enumerate(frames):
            file.write(b",\n" if index else b"[")
            file.write(json.dumps(frame, separators=(",", ":"), allow_nan=False).encode())
        file.write(b"]" if len(people[0]) else b"[]")


def _written_frames(people: Sequence[PoseSequence]) -> Iterator[dict]:
    width, height = people[0].width, people[0].height
    # Without this mark, reading would swap such hands.
    are_confused = any(are_hands_confused(poses.points, (width, height)) for poses in people)
    kept = {HANDS_KEPT: True} if are_confused else {}
    for frame in zip(*(poses.points for poses in people), strict=True):
        written = [_written_person(points, np.array([width, height])) for points in frame]
        several = [{NUMBER: [number], **person} for number, person in enumerate(written)]
        yield {
            "people": several if len(several) > 1 else written,
            "canvas_height": height,
            "canvas_width": width,
            **kept,
        }


def _written_person(points: np.ndarray, size: np.ndarray) -> dict[str, list[float]]:
    found = seen(points)
    pixels = _pixels(points[:, :2], size)
    pixels[found & (pixels == 0).all(axis=1)] = CORNER
    return person_to_openpose(np.where(found[:, None], np.column_stack([pixels, found]), 0))


def _pixels(parts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return pixels (n, 2) with just enough digits to restore the fractions (n, 2) float32 exactly."""
    exact = parts.astype(np.float64) * size
    exponents = np.floor(np.log10(np.abs(exact), where=exact != 0, out=np.zeros_like(exact)))
    scale = 10.0 ** (8 - exponents)  # a float32 has less than nine digits
    short = np.round(exact, 3)
    return np.where((short / size).astype(np.float32) == parts, short, np.rint(exact * scale) / scale)
