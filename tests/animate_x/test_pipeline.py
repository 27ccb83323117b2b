"""The whole way on a small dance, checked against what each room gives alone."""

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from animatex_core.animate_x import decoding, pipeline
from animatex_core.animate_x.animation import Animation
from animatex_core.animate_x.components import dummy_components
from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.pipeline import AnimateXPipeline, AnimationSettings
from animatex_core.animate_x.sampling import SamplingSettings, sample_latents
from animatex_core.animate_x.training_spec import TrainingSpec
from animatex_core.driving import DrivingClip, common_length
from animatex_core.encoders.preprocessing import clip_images, unit_images
from animatex_core.errors import AnimateXWarning
from animatex_core.pose.draw import draw_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.reference import Reference
from animatex_core.retarget.retarget import Box, RetargetSettings
from animatex_core.video.frame_selection import choose_frames
from animatex_core.video.info import probe
from tests.support.dance_samples import FPS, FRAMES, HEIGHT, WIDTH, small_dance, write_dance

NETWORKS = replace(dummy_components(), trained_on=TrainingSpec(64, 64))
SETTINGS = AnimationSettings(64, 64, sampling=SamplingSettings(solver="dpm++2m", steps=1))
PICTURE = np.asarray(Image.linear_gradient("L").convert("RGB").resize((50, 70)))


@pytest.fixture
def dance(tmp_path: Path) -> DrivingClip:
    clip = probe(write_dance(tmp_path).clip)
    choice = choose_frames(FRAMES, frames=4, stride=2, fps=clip.fps)
    return DrivingClip(clip, choice, small_dance().select(choice.indices))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[ConditionInputs]:
    """What the denoiser is given."""
    seen: list[ConditionInputs] = []

    def watched(unet: Any, inputs: ConditionInputs, *rest: Any) -> torch.Tensor:
        seen.append(inputs)
        return sample_latents(unet, inputs, *rest)

    monkeypatch.setattr(pipeline, "sample_latents", watched)
    return seen


def animate(reference: Reference, dance: DrivingClip, settings: AnimationSettings = SETTINGS) -> Animation:
    return AnimateXPipeline(NETWORKS, lambda *_: None).animate(reference, dance, settings)


def as_released(settings: AnimationSettings = SETTINGS) -> AnimationSettings:
    return replace(settings, retarget=RetargetSettings(mode="none"))


def test_conditions_as_released(dance: DrivingClip, given: list[ConditionInputs]) -> None:
    animate(Reference(PICTURE), dance, as_released())
    (inputs,) = given
    drawn = unit_images(list(draw_poses(dance.poses)), 64, 64)  # at the clip's own size, then stretched
    assert inputs.pose_pictures is not None
    assert inputs.keypoints is not None
    assert inputs.reference_image is not None
    pictures = inputs.pose_pictures[0].transpose(0, 1) / 255
    torch.testing.assert_close(pictures, torch.cat([drawn[:1], drawn]))
    np.testing.assert_array_equal(inputs.keypoints[0, 1:], dance.poses.keypoints())
    np.testing.assert_array_equal(inputs.keypoints[0, 0], inputs.keypoints[0, 1])
    torch.testing.assert_close(inputs.reference_image[0, :, 0], unit_images([PICTURE], 64, 64)[0])


def test_what_is_not_asked_for_is_as_the_denoiser_was_trained(
    dance: DrivingClip, given: list[ConditionInputs]
) -> None:
    animator = AnimateXPipeline(
        replace(NETWORKS, trained_on=TrainingSpec(64, 128, 3, "both")), lambda *_: None
    )
    with pytest.warns(AnimateXWarning, match="trained on 3 frames at once, so 4 may look worse"):
        animator.animate(Reference(PICTURE), dance, replace(as_released(), width=None, height=None))
    (inputs,) = given
    assert (inputs.shape.width, inputs.shape.height) == (64, 128)
    assert inputs.reference_latents is not None
    assert inputs.reference_image is not None
    with pytest.warns(AnimateXWarning, match="trained on clips of 64x128, so a video of 192x128 may"):
        animator.animate(Reference(PICTURE), dance, replace(as_released(), width=192, height=None))


def test_features_are_those_of_the_reference_and_then_of_the_chosen_frames(
    dance: DrivingClip, given: list[ConditionInputs]
) -> None:
    animate(Reference(PICTURE), dance, as_released())
    pictures = clip_images([PICTURE, *dance.frames()])
    features = given[0].clip_features
    assert features is not None
    assert features.shape == (1, 5, 64)
    torch.testing.assert_close(features[0], NETWORKS.image_encoder.encode(pictures))
    torch.testing.assert_close(given[0].image_embedding, features[:, :1])


def test_a_pose_of_the_reference_stands_in_front(dance: DrivingClip, given: list[ConditionInputs]) -> None:
    own = small_dance().select([9])
    animate(Reference(PICTURE, own), dance, as_released())
    assert given[0].keypoints is not None
    np.testing.assert_array_equal(given[0].keypoints[0, 0], own.keypoints()[0])


def test_a_pose_that_is_of_no_use_does_not(dance: DrivingClip, given: list[ConditionInputs]) -> None:
    guess = PoseSequence.empty(1, 50, 70)
    guess.body[0, 3] = 0.1, 0.2, 0.9
    animation = animate(Reference(PICTURE, guess, Box(0.2, 0.1, 0.8, 0.9)), dance)
    assert given[0].keypoints is not None
    np.testing.assert_array_equal(given[0].keypoints[0, 0], dance.poses.keypoints()[0])
    assert "box" in animation.retargeting


def test_retargeted_poses_are_drawn_at_the_size_of_the_frames(
    dance: DrivingClip, given: list[ConditionInputs]
) -> None:
    animation = animate(Reference(PICTURE, box=Box(0.2, 0.1, 0.8, 0.9)), dance)
    assert (animation.poses.width, animation.poses.height) == (50, 70)
    drawn = unit_images(list(draw_poses(animation.poses, 64, 64)), 64, 64)
    assert given[0].pose_pictures is not None
    torch.testing.assert_close(given[0].pose_pictures[0, :, 1:].transpose(0, 1) / 255, drawn)


def test_the_implicit_indicator_is_asked_about_the_dancer_and_not_the_character(
    dance: DrivingClip, given: list[ConditionInputs]
) -> None:
    animation = animate(Reference(PICTURE, box=Box(0.0, 0.5, 0.4, 1.0)), dance)
    assert given[0].keypoints is not None
    np.testing.assert_array_equal(given[0].keypoints[0, 1:], dance.poses.keypoints())
    assert np.abs(animation.poses.keypoints() - dance.poses.keypoints()).max() > 0.05


def test_the_report_counts_every_stage_and_may_stop_it(dance: DrivingClip) -> None:
    reported: list[tuple[str, int, int]] = []

    def report(*told: Any) -> None:
        reported.append(told)
        if told == ("decoding", 2, 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AnimateXPipeline(NETWORKS, report).animate(Reference(PICTURE), dance, as_released())
    assert [told for told in reported if told[0] != "sampling"] == [
        ("features", 4, 4),
        ("decoding", 1, 4),
        ("decoding", 2, 4),
    ]
    assert ("sampling", 1, 1) in reported


def test_pictures_are_rounded_down_as_released() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 3.0]).view(1, 1, 6).expand(3, -1, -1)
    assert decoding.to_bytes(values)[0, :, 0].tolist() == [0, 0, 127, 254, 255, 255]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda poses: poses.select(range(9)), "poses of 9 frames, but the video has 12"),
        (lambda poses: PoseSequence.from_points(poses.points, HEIGHT, WIDTH), "they are stretched to it"),
    ],
)
def test_poses_that_do_not_match_the_clip_are_said(
    dance: DrivingClip, change: Callable[[PoseSequence], PoseSequence], message: str
) -> None:
    poses = change(small_dance())
    with pytest.warns(AnimateXWarning, match=message):
        assert common_length(dance.clip, poses) == len(poses)


def test_sound_follows_the_chosen_frames(dance: DrivingClip) -> None:
    later = replace(dance, choice=choose_frames(FRAMES, frames=4, stride=2, start=0.25, fps=FPS))
    sound = later.sound(FPS)
    assert sound is not None
    assert (sound.start, sound.duration, sound.speed) == (0.25, pytest.approx(2 / 3), 2.0)
    assert replace(dance, clip=replace(dance.clip, has_audio=False)).sound(FPS) is None


@pytest.mark.parametrize(
    ("size", "message"), [((70, 70), None), ((72, 70), None), ((280, 70), "280x70 .* a size of 128x64")]
)
def test_a_stretched_picture_is_said(dance: DrivingClip, size: tuple[int, int], message: str | None) -> None:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        animate(Reference(picture), dance, as_released())
    texts = [str(warning.message) for warning in caught if warning.category is AnimateXWarning]
    assert len(texts) == (message is not None)
    assert message is None or re.search(message, texts[0])
