"""From poses to what the added modules are given."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..pose.skeleton import PoseSequence, seen
from ..progress import Progress, no_progress, with_progress
from .networks import PlusInputs
from .preprocess import pose_pictures, stacked
from .shape import WanShape


def inputs_from_poses(
    poses: PoseSequence,
    shape: WanShape,
    reference_pose: PoseSequence | None = None,
    clip_features: Tensor | None = None,
    jpeg_quality: int | None = None,
    *,
    at_own_size: bool = True,
    progress: Progress = no_progress,
) -> PlusInputs:
    """Draw poses for a clip, and pass on their keypoints.

    poses: of every frame of the clip. reference_pose: its first frame counts; None, or one with nobody in it,
    takes the first driving pose that shows somebody (the release: the very first).
    clip_features: (frames, clip_dim), OpenCLIP's embeddings of the driving frames, for the full variant.
    jpeg_quality: as in `preprocess.pose_pictures`.
    at_own_size: whether poses are drawn in the size of their pictures and stretched, as released for driving
    frames; otherwise in that of the clip, where strokes have the width of its pixels.
    progress: called for each pose that is drawn; what it raises ends the work.
    Raises InvalidInput for another number of poses or features.
    """
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are {len(poses)} poses, but the clip has {shape.frames} frames: choose as many with "
            "chosen_frames, or make a clip of another length."
        )
    known = reference_pose is not None and seen(reference_pose.points[:1]).any()
    first = (reference_pose if reference_pose is not None and known else poses).first_shown()
    sized = [given if at_own_size else _resized(given, shape) for given in (poses, first)]
    video, picture = (_drawn(given, shape, jpeg_quality, progress) for given in sized)
    return PlusInputs(
        pose_video=video,
        reference_pose=picture[:, :, 0],
        keypoints=torch.from_numpy(np.ascontiguousarray(poses.keypoints()))[None],
        clip_features=None if clip_features is None else clip_features[None],
    )


def _resized(poses: PoseSequence, shape: WanShape) -> PoseSequence:
    return replace(poses, width=shape.width, height=shape.height)


def _drawn(poses: PoseSequence, shape: WanShape, jpeg_quality: int | None, progress: Progress) -> Tensor:
    pictures = pose_pictures(poses, shape.width, shape.height, jpeg_quality)
    return stacked(list(with_progress(pictures, len(poses), progress)))
