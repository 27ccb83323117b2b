"""From poses to the pictures that the added modules are shown."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from torch import Tensor

from ..pose.skeleton import PoseSequence, seen
from .networks import PlusInputs
from .preprocess import JPEG_QUALITY, pose_pictures, stacked
from .shape import WanShape


def pose_inputs(
    shape: WanShape,
    poses: PoseSequence,
    reference_pose: PoseSequence | None = None,
    *,
    at_own_size: bool = True,
    jpeg_noise: bool = True,
) -> PlusInputs:
    """Draw the poses of a clip, and that of the reference; keypoints and CLIP features are left out.

    reference_pose: of which the first frame counts; without it, or with nobody in it, the first pose of the
    clip stands in, as released. at_own_size: whether poses are drawn in the size of their pictures and
    stretched, as released for driving frames; otherwise in that of the clip. jpeg_noise: whether the drawn
    pictures go through JPEG, as the release's do.
    """

    def drawn(sequence: PoseSequence) -> Iterator[np.ndarray]:
        fitting = sequence if at_own_size else replace(sequence, width=shape.width, height=shape.height)
        return pose_pictures(fitting, shape.width, shape.height, JPEG_QUALITY if jpeg_noise else None)

    def still(sequence: PoseSequence | None) -> Tensor | None:
        if sequence is None or not seen(sequence.points[:1]).any():
            return None
        return stacked(list(drawn(sequence.select([0]))))[:, :, 0]

    return PlusInputs(pose_video=stacked(list(drawn(poses))), reference_pose=still(reference_pose))
