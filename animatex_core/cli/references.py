"""From the options of a command to the reference: the character's picture and what is known of its body."""

import argparse

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import PoseSequence
from ..reference import Reference, check_mask_shape, detect_reference_pose, open_reference
from ..retarget.character import OPAQUE
from ..retarget.mask_files import read_mask
from ..retarget.masks import find_character, fit_mask
from ..video.image import read_picture
from .poses import find_nets


def read_reference(arguments: argparse.Namespace) -> Reference:
    """Read --reference, with its pose and box as given or found."""
    return open_reference(
        arguments.reference,
        pose=arguments.reference_pose,
        box=arguments.box,
        mask=arguments.mask,
        mask_shows=arguments.mask_shows,
        dwpose=None if arguments.mode == "none" else find_nets(arguments),
        note=lambda sentence: print(f"mask: {sentence}"),
    )


def require_reference_pose(arguments: argparse.Namespace, reference: Reference) -> PoseSequence:
    """Return the reference's pose, which is searched even if a box or a mask was given.

    Raises InvalidInput if nobody is found.
    """
    pose = reference.pose or detect_reference_pose(find_nets(arguments), reference.picture)
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
    mask = read_mask(arguments.mask)
    check_mask_shape(mask, picture.rgb, f"The mask {arguments.mask}")
    found = find_character(mask, arguments.mask_shows, pose)
    return None if found.shown is None or found.shown.all() else fit_mask(found.shown, width, height)
