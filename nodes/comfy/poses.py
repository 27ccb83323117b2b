"""ComfyUI's POSE_KEYPOINT as the core's poses, and the frames in which poses are detected."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import folder_paths
from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ...animatex_core.errors import InvalidInput, warn
from ...animatex_core.pose.cache import PoseCache, digest_file, digest_frames
from ...animatex_core.pose.draw_people import draw_people
from ...animatex_core.pose.dwpose import FrameSource
from ...animatex_core.pose.formats.reader import (
    openpose_from_poses,
    people_from_openpose,
    poses_from_openpose,
)
from ...animatex_core.pose.keypoints import PoseSequence, people_of
from ...animatex_core.pose.person import NamedRule, PersonRule, check_person_rule
from ...animatex_core.pose.video_match import compare_shapes
from ...animatex_core.video.info import probe
from ...animatex_core.video.reader import read_frames
from .images import (
    BYTES_PER_PIXEL,
    LazyImages,
    available_memory,
    iterate_images,
    stack_images,
    warn_only_first_used,
)
from .messages import check_interrupt, node_progress, one_line, printable, quoted, report_warnings
from .validation import OpenCombo, as_text
from .video import VideoFile, video_file

Poses = io.Custom("POSE_KEYPOINT")
DWPoseModels = io.Custom("ANIMATEX_DWPOSE")
PERSON_OPTIONS = [*get_args(NamedRule), *map(str, range(10))]
ALL = "all"  # the last option where all people can be kept
MAX_DIGITS = 9  # of a person's number
MEMORY_SHARE = 0.5  # of the free memory, for images that may never be viewed
CACHE = "animate_x"  # in ComfyUI's user folder, since its folder for temporary files is emptied


def person_input() -> OpenCombo:
    """Return the widget that selects one of several people, or all of them."""
    return OpenCombo(
        "person",
        options=[*PERSON_OPTIONS, ALL],
        default=PERSON_OPTIONS[0],
        tooltip="Which person to use if there are several. best: the highest score in "
        "each frame (default of the official code). largest, leftmost or a "
        "number counted from the left (0 is the leftmost): selected in the "
        "first frame, then tracked. all: everybody, each with a number that stays; "
        "choose one later with Select Person.",
    )


def edited_person_input() -> OpenCombo:
    """Return the widget that selects the person to edit, at the end of a node's inputs."""
    return OpenCombo(
        "person",
        options=PERSON_OPTIONS,
        default=PERSON_OPTIONS[0],
        optional=True,
        tooltip="Which person to edit if there are several. A number is the person's own in poses of DWPose "
        "Extract with person on all. A person clicked in the editor overrides it. The others are kept as "
        "they are.",
    )


def person_box_input() -> Any:
    """Return the socket for the box of the person to use; ComfyUI 0.3.64 has no BOUNDING_BOX type yet."""
    tooltip = (
        "Box of the person to use, for example from RT-DETR Detect or SAM3 Detect. The person is selected in "
        "the first frame that shows somebody there, then tracked. Overrides person."
    )
    if hasattr(io, "BoundingBox"):
        return io.BoundingBox.Input("person_box", optional=True, force_input=True, tooltip=tooltip)
    return io.Custom("BOUNDING_BOX").Input("person_box", optional=True, tooltip=tooltip)


def parse_person(choice: Any) -> PersonRule:
    """Return the core's rule for a choice among `PERSON_OPTIONS`, or for any person's number.

    Raises:
        InvalidInput: For another value.

    """
    text = as_text(choice) or quoted(choice)
    rule = int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else one_line(text)
    check_person_rule(rule)
    return rule  # type: ignore[return-value]


def validate_person(person: Any, *, all_people: bool = True) -> bool | str:
    """Return True for a valid person, or the message that ComfyUI shows.

    None means that another node provides the value, which is checked when the node runs. `all_people` says
    whether the node can keep everybody.
    """
    try:
        if person is not None and not (all_people and person == ALL):
            parse_person(person)
    except InvalidInput as error:
        return printable(str(error))
    return True


def to_poses(
    data: Any, source: str = "poses", person: str = PERSON_OPTIONS[0], size: tuple[int, int] | None = None
) -> PoseSequence:
    """Read the POSE_KEYPOINT of any pack.

    Args:
        data: The POSE_KEYPOINT.
        source: The input, for messages.
        person: Which person to read.
        size: (width, height) of the images, used if the data does not contain it.

    """
    rule = parse_person(person)
    return poses_from_openpose(data, person=rule, source=source, size=size, progress=node_progress(0))


def to_people(
    data: Any, source: str = "poses", person: str = ALL, size: tuple[int, int] | None = None
) -> tuple[PoseSequence, ...]:
    """Read all people of a POSE_KEYPOINT, each of all frames, or only the one whom `person` means."""
    if person != ALL:
        return (to_poses(data, source, person, size),)
    return people_from_openpose(data, source=source, size=size, progress=node_progress(0))


def to_reference_pose(data: object, size: tuple[int, int]) -> PoseSequence:
    """Read the pose of the reference image of a size (width, height); warns if there are several poses."""
    poses = to_poses(data, "reference_pose", size=size)
    if sentence := compare_shapes((poses.width, poses.height), size, "the reference"):
        warn(sentence)
    if len(poses) > 1:
        warn_only_first_used("reference_pose", len(poses), "poses")
    return poses.select([0])


def warn_if_shape_differs(poses: PoseSequence, frames: Tensor) -> None:
    """Warn if poses and their frames (n, h, w, c) have different aspect ratios.

    Raises:
        InvalidInput: If one is portrait and the other landscape.

    """
    size = frames.shape[2], frames.shape[1]
    if sentence := compare_shapes((poses.width, poses.height), size, "frames"):
        warn(sentence)


def to_keypoints(poses: PoseSequence | Sequence[PoseSequence]) -> list[dict[str, Any]]:
    """Return the poses of one or several people as POSE_KEYPOINT."""
    return openpose_from_poses(poses, node_progress(len(people_of(poses)[0])))


def select_keypoints(data: Any, poses: PoseSequence, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Return some frames of a POSE_KEYPOINT, in any order and with all people in them.

    Args:
        data: The POSE_KEYPOINT.
        poses: What was read from it. If its frames cannot be told apart, only this person is returned.
        indices: The frames.

    """
    if isinstance(data, list) and len(data) == len(poses):
        return [data[index] for index in indices]
    return to_keypoints(poses.select(indices))


def draw_pose_images(
    people: Sequence[PoseSequence], width: int | None = None, height: int | None = None
) -> Tensor:
    """Draw poses as the denoiser sees them; returns an IMAGE, by default of the poses' own size."""
    frames = len(people[0])
    return stack_images(draw_people(people, width, height, node_progress(frames)), frames)


def lazy_pose_images(poses: PoseSequence | Sequence[PoseSequence], node_id: str | None) -> Tensor:
    """Return an IMAGE of the poses of one or several people that is drawn when a node reads it.

    The images are smaller, with a warning on the node, if they would take most of the free memory.
    """
    people = people_of(poses)
    frames, own_width, own_height = len(people[0]), people[0].width, people[0].height
    needed = BYTES_PER_PIXEL * frames * own_width * own_height
    scale = min(1.0, available_memory() * MEMORY_SHARE / needed) ** 0.5
    width, height = (max(1, round(side * scale)) for side in (own_width, own_height))

    def draw() -> Tensor:
        with report_warnings(node_id):
            if (width, height) != (own_width, own_height):
                sentence = (
                    f"Images of {frames} poses in full size do not fit into memory: they are drawn in "
                    f"{width}x{height}."
                )
                warn(sentence)
            return draw_pose_images(people, width, height)

    return LazyImages.of((frames, height, width, 3), draw)


@contextmanager
def frame_source(images: Tensor | None, video: VideoInput | None) -> Iterator[FrameSource]:
    """Yield the frames of an IMAGE or of a VIDEO, whose file is read frame by frame."""
    if (images is None) == (video is None):
        found = "neither images nor video is" if images is None else "both images and video are"
        raise InvalidInput(f"In DWPose Extract, {found} connected: connect exactly one of them.")
    if video is None:
        yield _of_images(images)
        return
    with video_file(video) as file:
        yield _of_images(video.get_components().images) if file is None else _of_file(file)


def pose_cache() -> PoseCache:
    """Return the cache of detected poses, which is kept when ComfyUI restarts."""
    return PoseCache(Path(folder_paths.get_user_directory(), CACHE, "poses"))


def _of_images(images: Any) -> FrameSource:
    digest = digest_frames(iterate_images(images, node_progress(len(images))))
    return FrameSource(digest, partial(iterate_images, images), len(images))


def _of_file(file: VideoFile) -> FrameSource:
    clip = probe(file.path, check_interrupt)
    content = [digest_file(file.path, node_progress(file.path.stat().st_size)), *clip.conversion]
    if file.window == (0.0, 0.0):
        read = partial(read_frames, clip, check=check_interrupt)
        return FrameSource(" ".join(content), read, clip.frames, clip.fps)
    shown = file.frames(clip)
    read = partial(read_frames, clip, indices=shown, check=check_interrupt)
    return FrameSource(f"{' '.join(content)} {shown}", read, len(shown), clip.fps)
