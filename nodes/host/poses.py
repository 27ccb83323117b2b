"""ComfyUI's POSE_KEYPOINT, IMAGE and VIDEO, and the core's poses and frames to find them in."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import folder_paths
from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.errors import AnimateXWarning, InvalidInput
from ...animatex_core.pose.cache import PoseCache, digest_file, digest_frames
from ...animatex_core.pose.draw import draw_poses
from ...animatex_core.pose.dwpose import FrameSource
from ...animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from ...animatex_core.pose.keypoints import PoseSequence
from ...animatex_core.pose.person import NamedRule, PersonRule, check_person_rule
from ...animatex_core.pose.video_match import compare_shapes
from ...animatex_core.video.info import probe
from ...animatex_core.video.reader import read_frames
from .lazy_images import LazyImages
from .pictures import PIXEL, frames_of, images_of, memory_left, warn_of_first
from .printable import one_line, printable, quoted
from .progress import check_interrupt, node_progress
from .told import told
from .values import OpenCombo, as_text
from .video import VideoFile, clip_file

Poses = io.Custom("POSE_KEYPOINT")
DWPoseNets = io.Custom("ANIMATEX_DWPOSE")
PEOPLE = [*get_args(NamedRule), *map(str, range(10))]
DIGITS = 9  # of a number of a person
SHARE = 0.5  # of the memory left, for pictures that nobody may look at
CACHE = "animate_x"  # in ComfyUI's folder of users' files: the one for temporary files does not last


def person_input() -> OpenCombo:
    """Return the widget for who is meant among several people."""
    return OpenCombo(
        "person",
        options=PEOPLE,
        default=PEOPLE[0],
        tooltip="Which person to use if there are several. best: the highest score in "
        "each frame (default of the official code). largest, leftmost or a "
        "number counted from the left (0 is the leftmost): selected in the "
        "first frame, then tracked.",
    )


def person_rule(chosen: Any) -> PersonRule:
    """Return the core's rule of a choice among PEOPLE, or of a number, also one beyond these.

    Raises InvalidInput for another value.
    """
    text = as_text(chosen) or quoted(chosen)
    rule = int(text) if text.isdecimal() and len(text) <= DIGITS else one_line(text)
    check_person_rule(rule)
    return rule  # type: ignore[return-value]


def validate_person(person: Any) -> bool | str:
    """Return True for a choice of person, a number too, or the sentence that ComfyUI shows.

    None is left to the node: another one gives the value.
    """
    try:
        if person is not None:
            person_rule(person)
    except InvalidInput as error:
        return printable(str(error))
    return True


def poses_of(
    data: Any, source: str = "poses", person: str = PEOPLE[0], size: tuple[int, int] | None = None
) -> PoseSequence:
    """Read a POSE_KEYPOINT, of whichever pack.

    source: its input's name in messages. size: (width, height) of the pictures, where it does not tell that.
    """
    rule = person_rule(person)
    return poses_from_openpose(data, person=rule, source=source, size=size, progress=node_progress(0))


def reference_pose_of(data: object, size: tuple[int, int]) -> PoseSequence:
    """Read the pose of one picture; of several the first, with a warning. size: as in `poses_of`."""
    poses = poses_of(data, "reference_pose", size=size)
    if sentence := compare_shapes((poses.width, poses.height), size, "the reference"):
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)
    if len(poses) > 1:
        warn_of_first("reference_pose", len(poses), "poses")
    return poses.select([0])


def warn_of_other_shape(poses: PoseSequence, frames: Tensor) -> None:
    """Warn where poses and the frames (n, h, w, c) that they should be of differ in shape.

    Raises InvalidInput where one is upright and the other wide.
    """
    size = frames.shape[2], frames.shape[1]
    if sentence := compare_shapes((poses.width, poses.height), size, "frames"):
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)


def keypoints_of(poses: PoseSequence) -> list[dict[str, Any]]:
    """Return poses as POSE_KEYPOINT."""
    return openpose_from_poses(poses, node_progress(len(poses)))


def pictures_of(poses: PoseSequence, width: int | None = None, height: int | None = None) -> Tensor:
    """Return poses as IMAGE, as the denoiser sees them; the size is by default that of the poses."""
    return images_of(draw_poses(poses, width, height, node_progress(len(poses))), len(poses))


def affordable_pictures_of(poses: PoseSequence, node_id: str | None) -> Tensor:
    """Return poses as IMAGE, drawn when a node reads it.

    The pictures are smaller, with a warning on the node, where they would take most of the memory.
    """
    width, height = _affordable_size(poses)

    def draw() -> Tensor:
        with told(node_id):
            if (width, height) != (poses.width, poses.height):
                sentence = f"Pictures of {len(poses)} poses in full size do not fit into memory"
                warnings.warn(AnimateXWarning(f"{sentence}: they are {width}x{height} here."), stacklevel=2)
            return pictures_of(poses, width, height)

    return LazyImages.of((len(poses), height, width, 3), draw)


def _affordable_size(poses: PoseSequence) -> tuple[int, int]:
    needed = PIXEL * len(poses) * poses.width * poses.height
    scale = min(1.0, memory_left() * SHARE / needed) ** 0.5
    width, height = (max(1, round(side * scale)) for side in (poses.width, poses.height))
    return width, height


@contextmanager
def shots_of(images: Tensor | None, video: VideoInput | None) -> Iterator[FrameSource]:
    """Give the frames of an IMAGE or a VIDEO; a file's are read one at a time."""
    if (images is None) == (video is None):
        found = "neither" if images is None else "both"
        raise InvalidInput(f"DWPose Extract was given {found} of images and video: wire exactly one of them.")
    if video is None:
        yield _of_images(images)
        return
    with clip_file(video) as file:
        yield _of_images(video.get_components().images) if file is None else _of_file(file)


def pose_cache() -> PoseCache:
    """Return the cache of poses, which outlives ComfyUI's restart."""
    return PoseCache(Path(folder_paths.get_user_directory(), CACHE, "poses"))


def _of_images(images: Any) -> FrameSource:
    digest = digest_frames(frames_of(images, node_progress(len(images))))
    return FrameSource(digest, partial(frames_of, images), len(images))


def _of_file(file: VideoFile) -> FrameSource:
    clip = probe(file.path, check_interrupt)
    content = [digest_file(file.path, node_progress(file.path.stat().st_size)), *clip.conversion]
    if file.window == (0.0, 0.0):
        return FrameSource(
            " ".join(content), partial(read_frames, clip, check=check_interrupt), clip.frames, clip.fps
        )
    shown = file.frames(clip)
    read = partial(read_frames, clip, indices=shown, check=check_interrupt)
    return FrameSource(f"{' '.join(content)} {shown}", read, len(shown), clip.fps)
