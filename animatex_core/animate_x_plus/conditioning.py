"""Encoding the conditions of an Animate-X++ video from images, poses and prompts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..animate_x.animation import DrivingSource, Report, all_frames
from ..animate_x.conditioning import encode_motion, warn_of_stretching
from ..animate_x.shapes import ClipShape
from ..errors import warn
from ..pose.keypoints import PoseSequence
from ..reference import Reference
from .components import AnimateXPlus, on_device
from .conditions import PlusConditions
from .modules import PlusInputs
from .preprocessing import (
    JPEG_QUALITY,
    inputs_from_poses,
    reference_video,
    select_frames,
    stretch_reference,
    wan_clip_image,
    with_mask_channels,
)
from .settings import PlusSettings
from .shapes import WanShape
from .wan.transformer import WanInputs


@dataclass(frozen=True, eq=False)
class WanConditions:
    """What Wan's transformer is conditioned on, in both passes of guidance.

    Attributes:
        inputs: Of the conditional pass.
        negative_context: Encoded negative prompt, (1, 512, text_dim).
        shape: Size of the video.

    """

    inputs: WanInputs
    negative_context: Tensor
    shape: WanShape


def encode_conditions(
    system: AnimateXPlus,
    reference: Reference,
    driving: DrivingSource,
    poses: PoseSequence,
    own_pose: PoseSequence | None,
    settings: PlusSettings,
    report: Report,
) -> WanConditions:
    """Encode the conditions of a video; each network is on the device only while it works.

    Args:
        system: The models.
        reference: The character.
        driving: The driving frames with their poses, from which the full variant reads the motion.
        poses: The retargeted poses, one per driving frame.
        own_pose: The pose of the reference, None if unknown.
        settings: Prompts and sizes.
        report: Called as driving frames are encoded.

    Returns:
        The conditions. The last frame is repeated until there are 4n + 1, with a warning.

    Raises:
        InvalidInput: The driving frames cannot be read.

    """
    shape = settings.shape(len(poses))
    warn_of_stretching(reference.picture, ClipShape(shape.width, shape.height, num_downsamples=1))
    frames = pad_frames(len(poses), shape)
    pose_inputs = _draw(poses.select(frames), own_pose, driving.poses, shape, settings)
    plus = _encode_poses(system, _add_motion(system, pose_inputs, driving, frames, report))
    text, negative = _encode_prompts(system, settings.prompt, settings.negative_prompt)
    return WanConditions(_encode_reference(system, reference.picture, shape, text, plus), negative, shape)


def pad_frames(frames: int, shape: WanShape) -> list[int]:
    """Return the index of the driving frame of every frame of a video; warns if the last one is repeated."""
    if frames != shape.frames:
        warn(
            f"The driving video has {frames} frames, but Wan generates 4n + 1: the last one is repeated to "
            f"{shape.frames}.",
            stacklevel=3,
        )
    return select_frames(frames, wanted=shape.frames)


def _draw(
    poses: PoseSequence,
    own_pose: PoseSequence | None,
    driving_poses: PoseSequence,
    shape: WanShape,
    settings: PlusSettings,
) -> PlusInputs:
    # Poses in the driving image are drawn at its size and stretched, as in the official code. Those in the
    # image of the character, which may have any size, are drawn at that of the output.
    at_own_size = (poses.width, poses.height) == (driving_poses.width, driving_poses.height)
    quality = JPEG_QUALITY if settings.jpeg_noise else None
    return inputs_from_poses(poses, shape, own_pose, jpeg_quality=quality, at_own_size=at_own_size)


def _add_motion(
    system: AnimateXPlus, inputs: PlusInputs, driving: DrivingSource, frames: list[int], report: Report
) -> PlusInputs:
    """Add the inputs of the full variant's implicit pose indicator, which come from the driving video."""
    if system.driving_encoder is None:
        return inputs
    progress = partial(report, "features")
    motion = encode_motion(system.driving_encoder, all_frames(driving), driving.poses, progress)
    keypoints = torch.from_numpy(motion.poses.keypoints()[None, frames])
    return replace(inputs, keypoints=keypoints, clip_features=motion.clip[None, frames])


def _encode_poses(system: AnimateXPlus, inputs: PlusInputs) -> PlusConditions:
    with on_device(system.networks, system.device):
        return system.networks.encode(inputs.to(system.device)).to(system.device, system.dtype)


def _encode_prompts(system: AnimateXPlus, *prompts: str) -> Iterator[Tensor]:
    encoder = system.text_encoder
    with on_device(encoder.network, system.device):
        encoded = [encoder.encode(prompt) for prompt in prompts]
    return (tensor.to(system.device, system.dtype) for tensor in encoded)


def _encode_reference(
    system: AnimateXPlus, picture: np.ndarray, shape: WanShape, text: Tensor, plus: PlusConditions
) -> WanInputs:
    image = stretch_reference(picture, shape.width, shape.height)
    with on_device(system.image_encoder.network, system.device):
        features = system.image_encoder.encode(wan_clip_image(image))
    with on_device(system.autoencoder.network, system.device):
        latents = system.autoencoder.encode(reference_video(image, shape.frames))
    target = system.device, system.dtype
    return WanInputs(text, features.to(*target), with_mask_channels(latents).to(*target), plus)
