"""The strength of the poses: a factor of their features, in a part of the sampling."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.pose_strength import PoseStrength
from animatex_core.animate_x.sampling import SamplingSettings, sample_latents
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.errors import InvalidInput
from tests.animate_x.samples import tiny_inputs, tiny_unet

SETTINGS = SamplingSettings(steps=4, seed=7)


@pytest.fixture(scope="module")
def unet() -> AnimateXUNet:
    return tiny_unet()


def sampled(unet: AnimateXUNet, *pose: float) -> Tensor:
    return sample_latents(unet, tiny_inputs(), replace(SETTINGS, pose=PoseStrength(*pose)))


def test_the_default_is_bit_identical(unet: AnimateXUNet) -> None:
    assert torch.equal(sampled(unet, 1.0, 0.0, 1.0), sample_latents(unet, tiny_inputs(), SETTINGS))


def test_the_factor_scales_pose_features_and_motion_values_and_nothing_else(unet: AnimateXUNet) -> None:
    inputs = tiny_inputs()
    full, half, without = (unet.encode(inputs, factor) for factor in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half.concat, (full.concat + without.concat) / 2)
    torch.testing.assert_close(without.concat, unet.encode(replace(inputs, pose_pictures=None)).concat)
    assert torch.equal(half.reference, full.reference)
    assert all(torch.equal(a.value / 2, b.value) for a, b in zip(full.motion, half.motion, strict=True))
    assert all(torch.equal(a.key, b.key) for a, b in zip(full.motion, half.motion, strict=True))
    assert all(torch.equal(a.value, b.value) for a, b in zip(full.context, half.context, strict=True))


def test_outside_their_part_of_the_sampling_poses_are_left_out(unet: AnimateXUNet) -> None:
    # The official timesteps of 4 steps are 751, 501, 251 and 1: 0.25, 0.5, 0.75 and 1.0 of the sampling.
    never = sampled(unet, 0.0)
    assert torch.equal(sampled(unet, 1.0, 0.0, 0.1), never)
    assert torch.equal(sampled(unet, 1.0, 0.2, 1.0), sampled(unet, 1.0))
    half = sampled(unet, 1.0, 0.0, 0.6)
    assert min((half - other).abs().max().item() for other in (never, sampled(unet, 1.0))) > 1e-3


def test_both_passes_as_one_batch_give_the_same(unet: AnimateXUNet) -> None:
    settings = replace(SETTINGS, pose=PoseStrength(0.7, 0.0, 0.6))
    batched, in_turn = (
        sample_latents(unet, tiny_inputs(), replace(settings, batch_guidance=batch))
        for batch in (True, False)
    )
    torch.testing.assert_close(batched, in_turn, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((-1.0,), "The strength of the poses is -1.0"),
        ((float("nan"),), "The strength of the poses is nan"),
        ((1.0, 0.8, 0.2), "The poses are used from 0.8 to 0.2"),
        ((1.0, 0.0, 1.5), "The poses are used from 0.0 to 1.5"),
    ],
)
def test_what_cannot_be_is_one_sentence(values: tuple, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PoseStrength(*values)
    assert str(caught.value).startswith(words)
