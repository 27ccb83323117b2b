import io

import numpy as np
import pytest
import torch
from PIL import Image

from animatex_core.animate_x_plus.preprocessing import (
    JPEG_QUALITY,
    draw_pose_images,
    reference_video,
    select_frames,
    stack_frames,
    stretch_reference,
    to_uint8_frames,
    wan_clip_image,
    with_mask_channels,
)
from animatex_core.errors import InvalidInput
from animatex_core.pose.draw import draw_pose
from animatex_core.pose.keypoints import JOINT, PoseSequence


@pytest.fixture
def poses() -> PoseSequence:
    empty = PoseSequence.empty(2, 96, 64)
    points = empty.points.copy()
    for joint, place in (("neck", (0.5, 0.2)), ("right_hip", (0.4, 0.8)), ("left_ankle", (0.7, 0.9))):
        points[:, JOINT[joint]] = (*place, 1)
    points[:, 100] = (0.2, 0.2, 1)  # a point of the face
    return empty.with_points(points)


@pytest.mark.parametrize(
    ("available", "stride", "expected"),
    [
        (50, 1, [*range(50), *[49] * 31]),
        (81, 1, list(range(81))),
        (82, 1, list(range(81))),
        (161, 2, list(range(81))),
        (162, 2, [*range(0, 162, 2)]),
        (163, 2, [*range(0, 162, 2)]),
        (163, 3, [*range(0, 162, 2)]),
        (1, 1, [0] * 81),
        (500, 1, list(range(81))),
    ],
)
def test_frames_are_selected_as_in_the_official_code(
    available: int, stride: int, expected: list[int]
) -> None:
    assert select_frames(available, stride) == expected


def test_another_length_may_be_wanted() -> None:
    assert select_frames(20, 2, 9) == list(range(0, 18, 2))
    assert select_frames(4, 1, 9) == [0, 1, 2, 3, 3, 3, 3, 3, 3]
    with pytest.raises(InvalidInput, match="available"):
        select_frames(0)


def test_poses_are_drawn_at_their_own_size_and_stretched(poses: PoseSequence) -> None:
    first, _ = draw_pose_images(poses, 48, 64)
    drawn = draw_pose(poses.body[0], poses.hands[0], 96, 64)
    expected = Image.fromarray(drawn).resize((48, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(first, np.asarray(expected))


def test_red_and_blue_are_swapped(poses: PoseSequence) -> None:
    drawn = draw_pose(poses.body[0], poses.hands[0], 96, 64)
    # The neck's colour is written as red 255, green 85 and read back as blue.
    assert drawn[int(0.2 * 64), 48].tolist() == [0, 85, 255]


def test_the_noise_of_jpeg_is_that_of_a_file(poses: PoseSequence) -> None:
    first, _ = draw_pose_images(poses, 96, 64, JPEG_QUALITY)
    clean, _ = draw_pose_images(poses, 96, 64)
    buffer = io.BytesIO()
    Image.fromarray(clean).save(buffer, "JPEG", quality=95, subsampling=2)
    assert np.array_equal(first, np.asarray(Image.open(buffer)))
    assert not np.array_equal(first, clean)


def test_images_stack_to_a_video() -> None:
    video = stack_frames([np.full((4, 6, 3), level, np.uint8) for level in (1, 2, 3)])
    assert video.shape == (1, 3, 3, 4, 6)
    assert video[0, 0, :, 0, 0].tolist() == [1, 2, 3]


def test_the_reference_is_stretched_and_followed_by_grey() -> None:
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[..., 0] = 255
    reference = stretch_reference(picture, 32, 48)
    assert reference.shape == (1, 3, 48, 32)
    assert reference[0, :, 5, 5].tolist() == [1, -1, -1]
    video = reference_video(reference, 9)
    assert video.shape == (1, 3, 9, 48, 32)
    assert torch.equal(video[:, :, 0], reference)
    assert not video[:, :, 1:].any()
    assert wan_clip_image(reference).shape == (1, 3, 224, 224)


def test_the_mask_is_prepended_to_the_latents() -> None:
    y = with_mask_channels(torch.full((1, 16, 3, 2, 2), 7.0))
    assert y.shape == (1, 20, 3, 2, 2)
    assert y[0, :4, 0].eq(1).all()
    assert not y[0, :4, 1:].any()
    assert y[0, 4:].eq(7).all()


def test_decoded_frames_are_truncated_not_rounded() -> None:
    decoded = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 2.0]).view(1, 1, 1, 6).expand(3, 2, 4, 6)
    frames = to_uint8_frames(decoded)
    assert frames.shape == (2, 4, 6, 3)
    assert frames[0, 0, :, 0].tolist() == [0, 0, 127, 254, 255, 255]
