"""From poses to what the added modules are given."""

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..pose.skeleton import PoseSequence
from .networks import PlusInputs
from .preprocess import pose_pictures, stacked
from .shape import WanShape


def inputs_from_poses(
    poses: PoseSequence,
    shape: WanShape,
    reference_pose: PoseSequence | None = None,
    clip_features: Tensor | None = None,
    jpeg_quality: int | None = None,
) -> PlusInputs:
    """Draw poses for a clip, and pass on their keypoints.

    poses: of every frame of the clip; the drawing is stretched to the clip, not aligned, as released.
    reference_pose: its first frame counts; None takes the first driving pose, as released. clip_features:
    (frames, clip_dim), OpenCLIP's embeddings of the driving frames, for the full variant. jpeg_quality: as
    in `preprocess.pose_pictures`. Raises InvalidInput for another number of poses or features.
    """
    if len(poses) != shape.frames:
        raise InvalidInput(
            f"There are {len(poses)} poses, but the clip has {shape.frames} frames: choose as many with "
            "chosen_frames, or make a clip of another length."
        )
    first = poses.select([0]) if reference_pose is None else reference_pose.select([0])
    video, picture = (_drawn(given, shape, jpeg_quality) for given in (poses, first))
    return PlusInputs(
        pose_video=video,
        reference_pose=picture[:, :, 0],
        keypoints=torch.from_numpy(np.ascontiguousarray(poses.keypoints()))[None],
        clip_features=None if clip_features is None else clip_features[None],
    )


def _drawn(poses: PoseSequence, shape: WanShape, jpeg_quality: int | None) -> Tensor:
    return stacked(list(pose_pictures(poses, shape.width, shape.height, jpeg_quality)))
