"""What a user wires into Apply Animate-X++, as the inputs of its modules."""

from dataclasses import replace

import torch
from comfy.clip_vision import ClipVisionModel
from torch import Tensor

from ...animatex_core.animate_x.conditioning import MotionFeatures, encode_motion
from ...animatex_core.animate_x_plus.config import PlusConfig
from ...animatex_core.animate_x_plus.modules import PlusInputs
from ...animatex_core.animate_x_plus.preprocessing import JPEG_QUALITY, inputs_from_poses
from ...animatex_core.animate_x_plus.shapes import WanShape, require_frames
from ...animatex_core.errors import InvalidInput
from ...animatex_core.pose.keypoints import PoseSequence
from .encoders import HostImageEncoder
from .lists import require_one_batch
from .pictures import frames_of
from .progress import node_progress


def require_poses(poses: PoseSequence, shape: WanShape) -> None:
    """Raise InvalidInput unless there is a pose for each frame of a clip."""
    require_frames(len(poses), "the number of poses")
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are poses of {len(poses)} frames, but WanImageToVideo makes {shape.frames}: set its "
            f"length to {len(poses)}, or give as many poses."
        )


def read_motion(
    config: PlusConfig,
    clip_vision: ClipVisionModel | None,
    frames: Tensor | None,
    poses: PoseSequence,
) -> MotionFeatures | None:
    """Read what the full variant's indicator is told of driving frames (f, h, w, 3) with their poses.

    None for the simple variant, which reads nothing. Raises InvalidInput where something is missing.
    """
    if config.ipi is None:
        return None
    if clip_vision is None or frames is None:
        missing = "clip_vision" if clip_vision is None else "frames"
        raise InvalidInput(
            f"The full variant of Animate-X++ reads the motion from the driving frames, but {missing} is not "
            "wired: wire clip_vision (OpenCLIP ViT-H-14) and frames, or load the simple variant."
        )
    require_one_batch(len(frames), len(poses))
    encoder = HostImageEncoder(clip_vision)
    motion = encode_motion(encoder, frames_of(frames), poses, node_progress(len(poses)))
    width = motion.clip.shape[-1]
    if width != config.ipi.clip_dim:
        raise InvalidInput(
            f"The CLIP_VISION gives features of width {width}, but Animate-X++ needs {config.ipi.clip_dim}: "
            "load OpenCLIP ViT-H-14 with Load CLIP Vision."
        )
    return motion


def plus_inputs(
    shape: WanShape,
    poses: PoseSequence,
    reference_pose: PoseSequence | None,
    motion: MotionFeatures | None,
    *,
    at_own_size: bool,
    jpeg_noise: bool,
) -> PlusInputs:
    """Draw poses for a clip, and put all together.

    reference_pose, at_own_size: as in `inputs_from_poses`. jpeg_noise: whether pictures go through JPEG,
    as the release's do.
    """
    inputs = inputs_from_poses(
        poses,
        shape,
        reference_pose,
        None if motion is None else motion.clip,
        JPEG_QUALITY if jpeg_noise else None,
        at_own_size=at_own_size,
        progress=node_progress(len(poses)),
    )
    if motion is None:
        return inputs
    return replace(inputs, keypoints=torch.from_numpy(motion.poses.keypoints())[None])
