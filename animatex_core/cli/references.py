"""From the options of a command to the reference: the character's picture and what is known of its body."""

import argparse
import warnings
from pathlib import Path

import numpy as np

from ..animate_x.pipeline import Reference
from ..errors import AnimateXWarning, InvalidInput
from ..pose.formats.reader import read_poses
from ..pose.keypoints import PoseSequence, seen
from ..pose.video_match import compare_shapes
from ..retarget.character import OPAQUE, Box
from ..retarget.mask_files import MaskPlane, read_mask
from ..retarget.masks import MaskBox, find_character, fit_mask, has_shape_of, whole_box_doubt
from ..video.image import Picture, read_picture
from .poses import find_nets


def read_reference(arguments: argparse.Namespace) -> Reference:
    """Read --reference, and its pose and box from what was given or can be found."""
    picture = read_picture(arguments.reference)
    pose = _pose(arguments, picture.rgb)
    return Reference(picture.rgb, pose, _box(arguments, picture, pose))


def _pose(arguments: argparse.Namespace, rgb: np.ndarray) -> PoseSequence | None:
    """The pose that was given or, where nothing else was and it is needed, what DWPose finds."""
    if arguments.reference_pose is not None:
        return _pose_of(arguments.reference_pose, rgb)
    if arguments.box is not None or arguments.mask is not None or arguments.mode == "none":
        return None
    return _found_pose(arguments, rgb)


def _found_pose(arguments: argparse.Namespace, rgb: np.ndarray) -> PoseSequence | None:
    # A cartoon taken for a person gives points at random.
    pose = find_nets(arguments).open().extract([rgb], whole_frame=False)
    return pose if seen(pose.body).any() else None


def require_reference_pose(arguments: argparse.Namespace, reference: Reference) -> PoseSequence:
    """Return the reference's pose, which is searched even if a box or a mask was given.

    Raises InvalidInput if nobody is found.
    """
    pose = reference.pose or _found_pose(arguments, reference.picture)
    if pose is None:
        raise InvalidInput(
            f"No pose is found in {arguments.reference}: give it with --reference-pose, or leave out "
            "--puppet."
        )
    return pose


def read_reference_mask(arguments: argparse.Namespace, pose: PoseSequence) -> np.ndarray | None:
    """Read where the reference shows the character, (h, w) bool of its size.

    From --mask, else from the picture's transparency; None if there is neither. pose: The character's own.
    """
    picture = read_picture(arguments.reference)
    if arguments.mask is None:
        shown = None if picture.alpha is None else picture.alpha > OPAQUE
        return shown if shown is not None and shown.any() else None
    height, width, _ = picture.rgb.shape
    found = _find_in_mask(arguments, read_mask(arguments.mask), picture, pose)
    return None if found.shown is None or found.shown.all() else fit_mask(found.shown, width, height)


def _pose_of(path: Path, rgb: np.ndarray) -> PoseSequence:
    size = rgb.shape[1], rgb.shape[0]
    pose = read_poses(path, size=size)
    if other_shape := compare_shapes((pose.width, pose.height), size, "the reference"):
        _warn(other_shape)
    return pose


def _box(arguments: argparse.Namespace, picture: Picture, pose: PoseSequence | None) -> Box | None:
    if arguments.mask is not None and arguments.box is None:
        return _box_of_mask(arguments, picture, pose)
    alpha = picture.alpha if arguments.box is None else None
    box = arguments.box if alpha is None else Box.of_alpha(alpha)
    if box is not None and (doubt := whole_box_doubt(box)):
        _warn(doubt)
    return box


def _box_of_mask(arguments: argparse.Namespace, picture: Picture, pose: PoseSequence | None) -> Box:
    """Return the box of the character in --mask, and print what was taken for it."""
    mask = read_mask(arguments.mask)
    found = _find_in_mask(arguments, mask, picture, pose)
    for doubt in found.doubts:
        _warn(doubt)
    if found.box is None:
        kind = "full" if (mask.values > 0.5).any() else "empty"
        raise InvalidInput(
            f"The mask {arguments.mask} is {kind}: mark the character in it, or give --box instead."
        )
    print(f"mask: {found.sentence}")
    return found.box


def _find_in_mask(
    arguments: argparse.Namespace, mask: MaskPlane, picture: Picture, pose: PoseSequence | None
) -> MaskBox:
    height, width, _ = picture.rgb.shape
    columns, rows = mask.size or mask.values.shape[::-1]
    if not has_shape_of(mask.values, width, height):
        raise InvalidInput(
            f"{arguments.mask} is {columns}x{rows}, but the reference is "
            f"{width}x{height}: give a mask of the same shape."
        )
    return find_character(mask, arguments.mask_shows, pose)


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=4)
