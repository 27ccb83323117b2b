"""What a run saves for the pose editor in the page: frames as images, and the incoming poses.

`web/js/pose_editor/source.js` reads it. The files are named after their content, in ComfyUI's folder for
temporary files, as its own previews.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import folder_paths
import numpy as np
from comfy_api.latest import io
from PIL import Image
from torch import Tensor

from ...animatex_core.encoders.preprocessing import resize
from ...animatex_core.errors import AnimateXWarning, InvalidInput, StorageError, warn
from ...animatex_core.pose.edits.apply import apply_edits
from ...animatex_core.pose.edits.people import edit_people, with_places_for
from ...animatex_core.pose.edits.state import PoseEdits
from ...animatex_core.pose.keypoints import PoseSequence
from ...animatex_core.retarget.character import Box
from .images import iterate_images, warn_single_frame_list
from .messages import node_progress
from .poses import PERSON_OPTIONS, to_people, to_poses, warn_if_shape_differs

OUTPUT = "animatex_pose_editor"  # of the node's message to the page
SUBFOLDER = "animatex_pose_editor"
MAX_PICTURES = 256
MAX_SIDE, MAX_SIDE_OF_MANY = 1536, 640  # pixels
QUALITY = 85


@dataclass(frozen=True, eq=False)
class Incoming:
    """What comes in to be edited.

    Attributes:
        poses: Those to edit, of all frames.
        people: Everybody, in the order of their numbers.
        person: Number of the person whom `poses` belong to; None if they are chosen in each frame anew.

    """

    poses: PoseSequence
    people: tuple[PoseSequence, ...]
    person: int | None

    def edited(self, edits: PoseEdits) -> tuple[PoseSequence, ...]:
        """Return everybody, corrected, or only the edited poses if they are nobody's."""
        if self.person is None:
            return (apply_edits(self.poses, edits),)
        return edit_people(self.people, self.person, edits)


def incoming_poses(
    poses: Any, images: Tensor | None, person: str = PERSON_OPTIONS[0], chosen: int | None = None
) -> Incoming:
    """Return the people of an input and the one to edit, or empty poses for images alone.

    Args:
        poses: The POSE_KEYPOINT.
        images: The IMAGE.
        person: Which person to edit.
        chosen: Number of the person who was clicked in the editor; overrides `person`.

    Raises:
        InvalidInput: If neither is connected, or if their numbers differ.

    """
    if images is None and poses is None:
        raise InvalidInput("In Edit Poses, neither poses nor images are connected: connect at least one.")
    size = None if images is None else (images.shape[2], images.shape[1])
    if poses is None:
        assert size is not None
        assert images is not None
        return _of_person((PoseSequence.empty(len(images), *size),), chosen or 0)
    found = (
        _by_rule(poses, person, size) if chosen is None else _of_person(to_people(poses, size=size), chosen)
    )
    warn_single_frame_list(len(found.poses), "Each pose")
    if images is not None:
        _check_images(found.poses, images)
    return found


def _of_person(people: tuple[PoseSequence, ...], person: int) -> Incoming:
    return Incoming(with_places_for(people, person)[person], people, person)


def _by_rule(data: Any, rule: str, size: tuple[int, int] | None) -> Incoming:
    """Return the person whom a rule means, with a warning if it means another one in each frame."""
    found = to_poses(data, person=rule, size=size)
    with catch_warnings():
        simplefilter("ignore", AnimateXWarning)  # said when the poses to edit were read
        people = to_people(data, size=size)
    places = [place for place, poses in enumerate(people) if np.array_equal(poses.points, found.points)]
    if not places and len(people) > 1:
        warn(
            f"The edited poses are not those of one of the {len(people)} people, since they were chosen "
            "in each frame, so the others are left out: click a person in the pose editor, or extract poses "
            "with person on all, to keep them."
        )
    return Incoming(found, people, places[0] if places else None)


def _check_images(poses: PoseSequence, images: Tensor) -> None:
    warn_if_shape_differs(poses, images)
    if len(images) not in (1, len(poses)):
        raise InvalidInput(
            f"Edit Poses has {len(poses)} poses but {len(images)} images: connect the frames of the same "
            "part of the video, or one image."
        )


def save_for_editor(incoming: Incoming, images: Tensor | None, box: Box | None) -> dict[str, list[Any]]:
    """Save what the editor shows, and return the node's message to the page.

    Args:
        incoming: The incoming poses.
        images: Their frames, or one image for all of them; None shows the poses on black.
        box: Where the character is, if known.

    Raises:
        StorageError: The files cannot be written.

    """
    folder, poses = Path(folder_paths.get_temp_directory(), SUBFOLDER), incoming.poses
    count = 0 if images is None else len(images)
    stride = max(1, -(-count // MAX_PICTURES)) if count > 1 else max(1, len(poses))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = [] if images is None else list(_save_pictures(folder, images[::stride]))
        points, *people = (_save_points(folder, each) for each in (poses, *incoming.people))
    except OSError as error:
        raise StorageError(
            f"The frames for the pose editor cannot be saved in {folder} ({error.strerror}): free some space "
            "there."
        ) from error
    info = {
        "frames": len(poses),
        "width": poses.width,
        "height": poses.height,
        "poses": points,
        "people": people,
        "person": incoming.person,
        "pictures": pictures,
        "stride": stride,
        "box": None if box is None else [box.left, box.top, box.right, box.bottom],
        "subfolder": SUBFOLDER,
        "type": io.FolderType.temp.value,
    }
    return {OUTPUT: [info]}


def _save_points(folder: Path, poses: PoseSequence) -> str:
    return _save(folder, ".f32", poses.points.astype("<f4").tobytes(), Path.write_bytes)


def _save_pictures(folder: Path, images: Tensor) -> Iterator[str]:
    most = MAX_SIDE if len(images) == 1 else MAX_SIDE_OF_MANY
    for image in iterate_images(images, node_progress(len(images))):
        height, width, _ = image.shape
        scale = min(1.0, most / max(width, height))
        small = resize(image, *(max(1, round(side * scale)) for side in (width, height)))
        content = str(small.shape).encode() + np.ascontiguousarray(small).tobytes()
        yield _save(folder, ".jpg", content, _jpeg(small))


def _jpeg(image: np.ndarray) -> Callable[[Path, bytes], object]:
    return lambda path, _: Image.fromarray(image).save(path, "JPEG", quality=QUALITY)


def _save(folder: Path, suffix: str, content: bytes, write: Callable[[Path, bytes], object]) -> str:
    """Write a file unless it is there from an earlier run, and return its name."""
    path = folder / f"{hashlib.blake2b(content, digest_size=12).hexdigest()}{suffix}"
    if not path.exists():
        part = path.with_suffix(".part")
        write(part, content)
        part.replace(path)
    return path.name
