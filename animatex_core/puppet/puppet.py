"""The reference picture carried along the bones: a moving character in milliseconds, without a network."""

from collections.abc import Iterator

import numpy as np
import torch

from ..errors import InvalidInput
from ..pose.skeleton import PoseSequence
from .cut import cut, margin_of
from .draw import drawn
from .rig import rig_of
from .skeleton import Joints

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


@torch.no_grad()
def iterate_puppet(
    reference: np.ndarray,
    reference_pose: PoseSequence,
    poses: PoseSequence,
    mask: np.ndarray | None = None,
) -> Iterator[Frame]:
    """Yield each frame (h, w, 3) and alpha (h, w) of `puppet_frames` as soon as it is drawn."""
    _check(reference, mask)
    height, width, _ = reference.shape
    joints = Joints.of(reference_pose, poses, width, height)
    rig = rig_of(joints.shifted(margin_of(joints))) if joints.moving.any() else None
    if rig is None:
        for _ in range(len(poses)):
            yield reference.copy(), np.zeros((height, width), np.uint8)
        return
    for frame in drawn(cut(reference, joints, rig, mask), rig, len(poses)):
        levels = (frame * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        yield np.ascontiguousarray(levels[:3].transpose(1, 2, 0)), levels[3]


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
