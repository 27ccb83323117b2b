"""Reads the reference image, and the pose, box and mask of the character, as the options specify."""

import argparse

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import PoseSequence
from ..reference import Reference, check_mask_shape, detect_reference_pose, open_reference
from ..retarget.character import OPAQUE
from ..retarget.mask_files import read_mask
from ..retarget.masks import find_character, fit_mask
from ..video.image import read_image
from .poses import find_pose_models


def read_reference(arguments: argparse.Namespace) -> Reference:
    """Read --reference, with the pose and box of the character as specified or detected."""
    return open_reference(
        arguments.reference,
        pose=arguments.reference_pose,
        box=arguments.box,
        mask=arguments.mask,
        mask_shows=arguments.mask_shows,
        dwpose=None if arguments.mode == "none" else find_pose_models(arguments),
        note=lambda text: print(f"mask: {text}"),
    )


def require_reference_pose(arguments: argparse.Namespace, reference: Reference) -> PoseSequence:
    """Return the pose of the character, and detect it even if a box or a mask is specified.

    Raises:
        InvalidInput: No pose is detected in the reference image.

    """
    pose = reference.pose or detect_reference_pose(find_pose_models(arguments), reference.picture)
    if pose is None:
        raise InvalidInput(
            f"No pose is detected in {arguments.reference}, but a puppet needs one: give it with "
            "--reference-pose, or leave out --puppet."
        )
    return pose


def read_reference_mask(arguments: argparse.Namespace, pose: PoseSequence) -> np.ndarray | None:
    """Read the mask of the character from --mask, else from the alpha channel of the reference image.

    Args:
        arguments: The parsed arguments.
        pose: The pose of the character, one frame.

    Returns:
        (h, w) bool of the size of the image, True at the character; None without a mask.

    """
    picture = read_image(arguments.reference)
    if arguments.mask is None:
        shown = None if picture.alpha is None else picture.alpha > OPAQUE
        return shown if shown is not None and shown.any() else None
    height, width, _ = picture.rgb.shape
    mask = read_mask(arguments.mask)
    check_mask_shape(mask, picture.rgb, f"The mask {arguments.mask}")
    found = find_character(mask, arguments.mask_shows, pose)
    return None if found.shown is None or found.shown.all() else fit_mask(found.shown, width, height)
