from dataclasses import replace

import numpy as np
import pytest
import torch

from animatex_core.animate_x_plus.preprocessing import draw_pose_images, inputs_from_poses
from animatex_core.animate_x_plus.shapes import WanShape
from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import JOINT, PoseSequence
from tests.animate_x_plus.samples import drawn, networks

SHAPE = WanShape(32, 48, 9)


def walking(frames: int = 9) -> PoseSequence:
    poses = PoseSequence.empty(frames, 96, 64)
    points = poses.points.copy()
    for frame in range(frames):
        points[frame, JOINT["neck"]] = (0.4 + 0.02 * frame, 0.2, 1)
        points[frame, JOINT["right_hip"]] = (0.4, 0.8, 1)
    return poses.with_points(points)


def test_poses_become_images_and_keypoints_of_the_video() -> None:
    poses = walking()
    inputs = inputs_from_poses(poses, SHAPE, clip_features=drawn(9, 64))
    first, *_ = draw_pose_images(poses, 32, 48)
    assert inputs.pose_video.shape == (1, 3, 9, 48, 32)
    assert inputs.pose_video.dtype == torch.uint8
    assert np.array_equal(inputs.pose_video[0, :, 0].permute(1, 2, 0).numpy(), first)
    assert inputs.keypoints is not None
    assert np.array_equal(inputs.keypoints[0].numpy(), poses.keypoints())
    encoded = networks("full").encode(inputs)
    assert encoded.grid == SHAPE.grid


def test_the_reference_has_the_first_driving_pose_unless_it_has_its_own() -> None:
    poses = walking()
    own = inputs_from_poses(poses, SHAPE, poses.select([5, 0]))
    first = inputs_from_poses(poses, SHAPE)
    assert first.reference_pose is not None
    assert torch.equal(first.reference_pose, first.pose_video[:, :, 0])
    assert own.reference_pose is not None
    assert torch.equal(own.reference_pose, first.pose_video[:, :, 5])


def test_the_first_driving_pose_with_a_person_replaces_that_of_the_reference() -> None:
    points = walking().points.copy()
    points[:3] = 0
    inputs = inputs_from_poses(walking().with_points(points), SHAPE)
    assert inputs.reference_pose is not None
    assert torch.equal(inputs.reference_pose, inputs.pose_video[:, :, 3])
    assert not torch.equal(inputs.reference_pose, inputs.pose_video[:, :, 0])


def test_each_frame_needs_a_pose() -> None:
    with pytest.raises(InvalidInput, match=r"8 poses.*9 frames"):
        inputs_from_poses(walking(8), SHAPE)
    with pytest.raises(InvalidInput, match="clip_features"):
        inputs_from_poses(walking(), SHAPE, clip_features=drawn(8, 64))


def test_poses_of_other_images_are_drawn_at_the_size_of_the_video() -> None:
    poses, nobody = walking(), PoseSequence.empty(1, 200, 100)
    own = inputs_from_poses(poses, SHAPE, nobody, at_own_size=False)
    first, *_ = draw_pose_images(replace(poses, width=32, height=48), 32, 48)
    assert np.array_equal(own.pose_video[0, :, 0].permute(1, 2, 0).numpy(), first)
    assert own.reference_pose is not None
    assert torch.equal(own.reference_pose, own.pose_video[:, :, 0])
    assert not torch.equal(own.pose_video, inputs_from_poses(poses, SHAPE).pose_video)
