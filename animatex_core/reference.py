"""The character: its reference image, and what is known of its body."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import InvalidInput, warn
from .pose.dwpose import DWPose
from .pose.formats.reader import read_poses
from .pose.keypoints import PoseSequence, seen
from .pose.video_match import compare_shapes
from .retarget.character import Box, Character
from .retarget.mask_files import MaskPlane, mask_from_gray, read_mask
from .retarget.masks import Shows, find_character, full_image_box_warning, has_aspect_ratio_of
from .video.image import LoadedImage, read_image

ImageSource = str | PathLike[str] | Image.Image | np.ndarray
"""A file, a Pillow image, or an array (h, w, 3) uint8 in RGB."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The character.

    Attributes:
        picture: The reference image, (h, w, 3) uint8 in RGB.
        pose: The pose in it; None if unknown.
        box: The box that the character fills; None if unknown.

    """

    picture: np.ndarray
    pose: PoseSequence | None = None
    box: Box | None = None

    @property
    def character(self) -> Character:
        """What retargeting needs to know."""
        height, width, _ = self.picture.shape
        return Character(width, height, self.pose, self.box)


def open_reference(
    image: ImageSource,
    *,
    pose: str | Path | PoseSequence | None = None,
    box: Box | None = None,
    mask: str | Path | np.ndarray | None = None,
    mask_shows: Shows = "automatic",
    dwpose: DWPose | None = None,
    note: Callable[[str], None] | None = None,
) -> Reference:
    """Open a reference image, and find out what retargeting needs.

    Args:
        image: The reference image. Transparent parts become white and tell where the character is.
        pose: Its pose, or a file with it.
        box: The box that the character fills.
        mask: A mask of the character, a file or (h, w) in 0..1, as an alternative to `box`.
        mask_shows: What the mask marks.
        dwpose: Detects the pose if neither pose, box nor mask is given; None to detect nothing.
        note: Called with a sentence on what the mask was taken for.

    Returns:
        The reference.

    Raises:
        InvalidInput: A file cannot be read, or a mask has another shape or marks nothing.

    """
    picture = _picture(image)
    given = _given_pose(pose, picture.rgb)
    if given is None and box is None and mask is None and dwpose is not None:
        given = detect_reference_pose(dwpose, picture.rgb)
    if mask is not None and box is None:
        box = _box_of_mask(mask, mask_shows, picture, given, note)
    elif box is None and picture.alpha is not None:
        box = Box.of_alpha(picture.alpha)
    if box is not None and (doubt := full_image_box_warning(box)):
        warn(doubt, stacklevel=3)
    return Reference(picture.rgb, given, box)


def detect_reference_pose(dwpose: DWPose, image: np.ndarray) -> PoseSequence | None:
    """Detect the pose in a reference image (h, w, 3) uint8; None if nobody is found."""
    # Without a detected person nothing is searched: a cartoon would give random keypoints.
    pose = dwpose.open().extract([image], whole_frame=False)
    return pose if seen(pose.body).any() else None


def _picture(image: ImageSource) -> LoadedImage:
    if isinstance(image, Image.Image):
        rgba = np.asarray(image.convert("RGBA"))
        alpha = rgba[..., 3]
        return LoadedImage(
            np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")))[
                ..., :3
            ],
            None if (alpha == 255).all() else alpha,
        )
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InvalidInput(
                f"The reference is an array {image.shape} of {image.dtype}, but must be (height, width, 3) "
                "uint8: convert it to RGB."
            )
        return LoadedImage(image)
    return read_image(Path(image))


def _given_pose(pose: str | Path | PoseSequence | None, rgb: np.ndarray) -> PoseSequence | None:
    if pose is None or isinstance(pose, PoseSequence):
        return pose
    size = rgb.shape[1], rgb.shape[0]
    found = read_poses(pose, size=size)
    if other_shape := compare_shapes((found.width, found.height), size, "the reference"):
        warn(other_shape, stacklevel=3)
    return found


def _box_of_mask(
    mask: str | Path | np.ndarray,
    shows: Shows,
    picture: LoadedImage,
    pose: PoseSequence | None,
    note: Callable[[str], None] | None,
) -> Box:
    name = "The mask" if isinstance(mask, np.ndarray) else f"The mask {mask}"
    plane = mask_from_gray(mask) if isinstance(mask, np.ndarray) else read_mask(mask)
    check_mask_shape(plane, picture.rgb, name)
    found = find_character(plane, shows, pose)
    for doubt in found.doubts:
        warn(doubt, stacklevel=3)
    if found.box is None:
        kind = "full" if (plane.values > 0.5).any() else "empty"
        raise InvalidInput(f"{name} is {kind}: mark the character in it, or give a box instead.")
    if note is not None:
        note(found.sentence)
    return found.box


def check_mask_shape(mask: MaskPlane, image: np.ndarray, name: str) -> None:
    """Check that a mask has the aspect ratio of an image.

    Args:
        mask: The mask.
        image: (h, w, 3).
        name: How the message calls the mask.

    Raises:
        InvalidInput: It has another one.

    """
    height, width, _ = image.shape
    columns, rows = mask.size or mask.values.shape[::-1]
    if not has_aspect_ratio_of(mask.values, width, height):
        raise InvalidInput(
            f"{name} is {columns}x{rows}, but the reference is {width}x{height}: give a mask of the same "
            "shape."
        )
