import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.components import dummy_components
from animatex_core.animate_x.conditioning import (
    MotionFeatures,
    clip_conditions,
    encode_motion,
    encode_reference,
    warn_of_stretching,
)
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.encoders.preprocessing import autoencoder_images
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.keypoints import PoseSequence
from tests.support.dance_samples import small_dance

NETWORKS = dummy_components()
SHAPE = ClipShape(64, 128, 3)
PICTURE = np.linspace(0, 255, 40 * 20 * 3).astype(np.uint8).reshape(40, 20, 3)
POSES = small_dance().select(range(3))


def motion() -> MotionFeatures:
    return encode_motion(NETWORKS.image_encoder, [PICTURE] * 3, POSES)


@pytest.mark.parametrize(
    ("form", "picture", "latents"), [("picture", True, False), ("latents", False, True), ("both", True, True)]
)
def test_reference_is_encoded_in_the_requested_form(form: str, picture: bool, latents: bool) -> None:
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, None, form, NETWORKS.autoencoder)  # type: ignore[arg-type]
    inputs = clip_conditions(SHAPE, NETWORKS.text_context, shown, POSES, motion())
    assert (inputs.reference_image is not None) == picture
    assert (inputs.reference_latents is not None) == latents


def test_latents_are_those_of_the_image_at_the_size_of_the_video() -> None:
    autoencoder = NETWORKS.autoencoder
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, None, "both", autoencoder)
    expected: Tensor = autoencoder.encode(autoencoder_images([PICTURE], 64, 128))
    assert shown.latents is not None
    assert torch.equal(shown.latents, expected)


def test_latents_need_an_autoencoder() -> None:
    with pytest.raises(InvalidInput, match="reference form latents needs a VAE: connect one"):
        encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, form="latents")


def test_other_forms_are_rejected() -> None:
    with pytest.raises(InvalidInput, match="form is 'sketch': choose one of picture, latents, both"):
        encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, form="sketch")  # type: ignore[arg-type]


@pytest.mark.parametrize("score", [0.0, 0.2])
def test_an_undetected_pose_counts_as_none(score: float) -> None:
    points = POSES.points.copy()
    points[..., 2] = score
    unseen = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, POSES.with_points(points))
    assert unseen.pose is None
    assert encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, POSES).pose is POSES


def test_only_the_first_frame_of_the_reference_pose_is_used() -> None:
    points = POSES.points.copy()
    points[0] = 0
    assert encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, POSES.with_points(points)).pose is None


def test_the_first_driving_pose_with_a_person_replaces_that_of_the_reference() -> None:
    points = POSES.points.copy()
    points[:2] = 0
    late = POSES.with_points(points)
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE)
    inputs = clip_conditions(SHAPE, NETWORKS.text_context, shown, late, replace(motion(), poses=late))
    assert inputs.pose_pictures is not None
    assert inputs.keypoints is not None
    assert torch.equal(inputs.pose_pictures[:, :, 0], inputs.pose_pictures[:, :, 3])
    assert torch.equal(inputs.keypoints[:, 0], inputs.keypoints[:, 3])
    assert (inputs.keypoints[:, 0] != -1).any()


def test_features_and_poses_belong_together() -> None:
    with pytest.raises(InvalidInput, match="There are 2 driving frames, but poses of 3: use frames and"):
        encode_motion(NETWORKS.image_encoder, [PICTURE] * 2, POSES)


def test_reference_and_motion_need_the_same_encoder() -> None:
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE)
    other = replace(motion(), clip=torch.zeros(3, 1024))
    with pytest.raises(InvalidInput, match="reference are 64 wide, but those of the driving frames 1024"):
        clip_conditions(SHAPE, NETWORKS.text_context, shown, POSES, other)


def test_every_frame_of_the_video_needs_a_pose() -> None:
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE)
    with pytest.raises(InvalidInput, match="poses of 2 frames and features of 3 for a video of 3"):
        clip_conditions(SHAPE, NETWORKS.text_context, shown, POSES.select([0, 1]), motion())


def test_only_strong_stretching_warns() -> None:
    with pytest.warns(AnimateXWarning, match="20x40 pixels and is stretched to 128x128"):
        warn_of_stretching(PICTURE, ClipShape(128, 128, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_stretching(PICTURE, SHAPE)


def test_empty_reference_pose_is_without_a_person() -> None:
    nobody = PoseSequence.empty(1, 20, 40)
    shown = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE, nobody)
    inputs = clip_conditions(SHAPE, NETWORKS.text_context, shown, POSES, motion())
    without = encode_reference(NETWORKS.image_encoder, PICTURE, SHAPE)
    expected = clip_conditions(SHAPE, NETWORKS.text_context, without, POSES, motion())
    assert inputs.keypoints is not None
    assert torch.equal(inputs.keypoints, expected.keypoints)  # type: ignore[arg-type]
