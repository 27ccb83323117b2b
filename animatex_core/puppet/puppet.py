"""The reference picture carried along the bones: a moving character in milliseconds, without a network."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch

from ..errors import AnimateXWarning, InvalidInput
from ..pose.skeleton import PoseSequence
from .cut import cut, margin_of
from .draw import drawn
from .rig import rig_of
from .skeleton import Joints

SHAPE_TOLERANCE = 0.02  # part by which a pose's width / height may differ from the picture's
NOBODY = (
    "No joint is known both in the reference pose and in the poses, so every frame is the reference: use the "
    "pose that was found in the reference."
)
Frame = tuple[np.ndarray, np.ndarray]


def puppet_frames(
    reference: np.ndarray,
    reference_pose: PoseSequence,
    poses: PoseSequence,
    mask: np.ndarray | None = None,
) -> Frame:
    """Animate a picture as a puppet of cut-out parts.

    Args:
        reference: The character's picture, (h, w, 3) uint8.
        reference_pose: The character's pose in that picture; of several frames the first that shows somebody.
        poses: f target poses, already retargeted to the character, in parts of the same picture.
        mask: (h, w), above 0.5 where the character is. None estimates it from pose and colours.

    Returns:
        Frames (f, h, w, 3) and the figure's alpha (f, h, w), uint8. Where no joint is known in both poses,
        every frame is the reference.

    """
    pairs = list(iterate_puppet(reference, reference_pose, poses, mask))
    size = reference.shape[:2]
    if not pairs:
        return np.zeros((0, *size, 3), np.uint8), np.zeros((0, *size), np.uint8)
    return np.stack([frame for frame, _ in pairs]), np.stack([alpha for _, alpha in pairs])


def iterate_puppet(
    reference: np.ndarray,
    reference_pose: PoseSequence,
    poses: PoseSequence,
    mask: np.ndarray | None = None,
) -> Iterator[Frame]:
    """Yield each frame (h, w, 3) and alpha (h, w) of `puppet_frames` as soon as it is drawn."""
    _check(reference, mask)
    height, width, _ = reference.shape
    _warn_of_shape(poses, width, height)
    joints = Joints.of(reference_pose, poses, width, height)
    if not joints.moving.any():
        warnings.warn(AnimateXWarning(NOBODY), stacklevel=2)
        return ((reference.copy(), np.zeros((height, width), np.uint8)) for _ in range(len(poses)))
    return _frames(reference, joints, len(poses), mask)


@torch.no_grad()
def _frames(reference: np.ndarray, joints: Joints, frames: int, mask: np.ndarray | None) -> Iterator[Frame]:
    rig = rig_of(joints.shifted(margin_of(joints)))
    for frame in drawn(cut(reference, joints, rig, mask), rig, frames):
        levels = (frame * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        yield np.ascontiguousarray(levels[:3].transpose(1, 2, 0)), levels[3]


def _warn_of_shape(poses: PoseSequence, width: int, height: int) -> None:
    if abs(poses.width * height / (poses.height * width) - 1) > SHAPE_TOLERANCE:
        sentence = (
            f"The poses are of a picture of {poses.width}x{poses.height} pixels but the reference has "
            f"{width}x{height}, so they are stretched: retarget them to the reference."
        )
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def _check(reference: np.ndarray, mask: np.ndarray | None) -> None:
    if reference.ndim != 3 or reference.shape[2] != 3 or reference.dtype != np.uint8 or not reference.size:
        raise InvalidInput(
            f"the reference has shape {reference.shape} and type {reference.dtype}, but it must be "
            "(height, width, 3) of uint8: give one picture."
        )
    if mask is not None and mask.shape != reference.shape[:2]:
        raise InvalidInput(
            f"the mask has shape {mask.shape}, but the picture is {reference.shape[0]} pixels high and "
            f"{reference.shape[1]} wide: give a mask of the same size."
        )
