"""Crops of training clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from animatex_core.errors import InvalidInput
from animatex_core.training.animate_x.batches import DenoiserBatchMaker
from animatex_core.training.animate_x.crops import crop_inputs, crop_latents, draw_corner
from animatex_core.training.loop.batch_schedule import BatchPlan
from tests.animate_x.samples import tiny_inputs, tiny_latents

from .training_samples import RandomClips, settings

SIZE = {"width": 32, "height": 48, "crop_width": 16, "crop_height": 24}


def test_images_and_latents_show_the_same_part() -> None:
    alpha = torch.rand(1, 1, 3, 96, 64)
    inputs = replace(tiny_inputs(), puppet_latents=tiny_latents(seed=3), puppet_alpha=alpha)
    cropped = crop_inputs(inputs, (2, 3), (4, 4))
    assert (cropped.shape.height, cropped.shape.width) == (32, 32)
    assert inputs.reference_image is not None
    assert inputs.pose_pictures is not None
    assert cropped.reference_image is not None
    assert cropped.pose_pictures is not None
    assert torch.equal(cropped.reference_image, inputs.reference_image[..., 16:48, 24:56])
    assert torch.equal(cropped.pose_pictures, inputs.pose_pictures[..., 16:48, 24:56])
    assert cropped.puppet_latents is not None
    assert cropped.puppet_alpha is not None
    assert torch.equal(cropped.puppet_alpha, alpha[..., 16:48, 24:56])
    assert torch.equal(cropped.puppet_latents, tiny_latents(seed=3)[..., 2:6, 3:7])
    assert cropped.keypoints is inputs.keypoints
    without = crop_inputs(replace(inputs, puppet_latents=None, pose_pictures=None), (2, 3), (4, 4))
    assert without.puppet_latents is None
    assert torch.equal(crop_latents(tiny_latents(), (2, 3), (4, 4)), tiny_latents()[..., 2:6, 3:7])


def test_most_crops_show_where_the_puppet_is_wrong_and_every_place_is_shown() -> None:
    latents, size = torch.zeros(1, 4, 3, 12, 8), (4, 3)
    latents[:, :, 1, 9, 1] = 8.0
    inputs = replace(tiny_inputs(), puppet_latents=torch.zeros_like(latents))
    rng, shown = np.random.default_rng(0), np.zeros((12, 8), int)
    for _ in range(400):
        top, left = draw_corner(latents, inputs, size, rng)
        shown[top : top + 4, left : left + 3] += 1
    assert shown.min() > 0
    assert shown[9, 1] > 250
    assert shown[:5, 5:].max() < 50


def test_a_sample_is_a_crop_and_the_same_each_time() -> None:
    maker = DenoiserBatchMaker(settings(size=SIZE), RandomClips())
    batch, again = maker(BatchPlan(3, (3, 4))), maker(BatchPlan(3, (3, 4)))
    assert batch.latents.shape == (2, 4, 3, 3, 2)
    assert torch.equal(batch.latents, again.latents)
    whole = DenoiserBatchMaker(settings(), RandomClips())(BatchPlan(3, (3, 4)))
    for one in batch.latents:
        assert any(
            torch.equal(one, clip[..., top : top + 3, left : left + 2])
            for clip in whole.latents
            for top in range(4)
            for left in range(3)
        )


def test_a_crop_that_the_network_cannot_halve_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"size\.crop_width"):
        settings(size={**SIZE, "crop_width": 40})
    with pytest.raises(InvalidInput, match="multiple"):
        settings(size={**SIZE, "crop_width": 12})
