"""From the options of a command to the reference: the character's picture and what is known of its body."""

import argparse

import numpy as np

from ..errors import InvalidInput
from ..pipeline import Reference
from ..pose.json_io import read_poses
from ..pose.skeleton import PoseSequence, seen
from ..retarget.character import Box
from ..video.picture import Picture, read_picture
from .pose_nets import find_nets


def read_reference(arguments: argparse.Namespace) -> Reference:
    """Read --reference, and its pose and box from what was given or can be found."""
    picture = read_picture(arguments.reference)
    pose = _pose(arguments, picture.rgb)
    return Reference(picture.rgb, pose, _box(arguments, picture))


def _pose(arguments: argparse.Namespace, rgb: np.ndarray) -> PoseSequence | None:
    """The pose that was given or, where nothing else was and it is needed, what DWPose finds."""
    if arguments.reference_pose is not None:
        height, width, _ = rgb.shape
        return read_poses(arguments.reference_pose, size=(width, height))
    if arguments.box is not None or arguments.mask is not None or arguments.mode == "none":
        return None
    # A cartoon taken for a person gives points at random.
    pose = find_nets(arguments).open().extract([rgb], whole_frame=False)
    return pose if seen(pose.body).any() else None


def _box(arguments: argparse.Namespace, picture: Picture) -> Box | None:
    if arguments.box is not None:
        return arguments.box
    if arguments.mask is not None:
        return Box.of_mask(_mask(arguments, picture))
    return None if picture.alpha is None else Box.of_alpha(picture.alpha)


def _mask(arguments: argparse.Namespace, picture: Picture) -> np.ndarray:
    """Where the character is, (h, w) bool: where the mask is opaque or, without alpha, bright."""
    mask = read_picture(arguments.mask)
    if abs(mask.aspect - picture.aspect) > 0.02 * picture.aspect:
        raise InvalidInput(
            f"{arguments.mask} is {mask.rgb.shape[1]}x{mask.rgb.shape[0]}, but the reference is "
            f"{picture.rgb.shape[1]}x{picture.rgb.shape[0]}: give a mask of the same shape."
        )
    return (mask.rgb.mean(axis=-1) if mask.alpha is None else mask.alpha) > 127
