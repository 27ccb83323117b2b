"""Given first and last frames: exact at full strength, and seen by their neighbours."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.pins import PinnedImages, Pins, pin_frames
from animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows, sample_latents
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.animate_x.windows import close_windows
from animatex_core.errors import InvalidInput
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_unet

SHAPE = replace(TINY_SHAPE, width=32, height=32, frames=7)
SETTINGS = SamplingSettings(steps=4, seed=7)


@pytest.fixture(scope="module")
def unet() -> AnimateXUNet:
    return tiny_unet()


def frames(count: int, seed: int = 5) -> Tensor:
    return torch.randn(count, 4, *SHAPE.latent_size, generator=torch.Generator().manual_seed(seed))


def sampled(unet: AnimateXUNet, pins: Pins | None, settings: SamplingSettings = SETTINGS) -> Tensor:
    inputs = tiny_inputs(SHAPE)
    video = sample_latents(unet, inputs if pins is None else pin_frames(inputs, pins, 4), settings)
    return video[0].transpose(0, 1)


@pytest.mark.parametrize("solver", ["ddim", "dpm++2m"])
@pytest.mark.parametrize("plan", [None, Windows(4, 2), Segments(4), close_windows(Windows(4, 2))])
def test_given_frames_are_exact(unet: AnimateXUNet, solver: str, plan: Windows | Segments | None) -> None:
    settings = replace(SETTINGS, solver=solver, long_clip=plan)
    video = sampled(unet, Pins(frames(2), frames(1, seed=6)), settings)
    assert torch.equal(video[:2], frames(2))
    assert torch.equal(video[-1:], frames(1, seed=6))
    assert video.isfinite().all()


def test_the_other_frames_follow_them(unet: AnimateXUNet) -> None:
    plain, pinned = sampled(unet, None), sampled(unet, Pins(frames(2)))
    assert (plain - pinned)[2].abs().max() > 0.05


def test_the_strength_goes_from_free_to_exact(unet: AnimateXUNet) -> None:
    plain = sampled(unet, None)
    torch.testing.assert_close(sampled(unet, Pins(frames(2), strength=0.0)), plain, atol=1e-4, rtol=0)
    apart = [
        (sampled(unet, Pins(frames(2), strength=strength))[:2] - frames(2)).pow(2).mean().item()
        for strength in (0.2, 0.5, 0.8, 1.0)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] == 0


def test_the_puppet_is_replaced_by_the_given_frames() -> None:
    puppet = torch.zeros(SHAPE.latents())
    alpha = torch.ones(1, 1, SHAPE.frames, SHAPE.height, SHAPE.width)
    given = replace(tiny_inputs(SHAPE), puppet_latents=puppet, puppet_alpha=alpha)
    inputs = pin_frames(given, Pins(frames(2), strength=0.5), 4)
    assert inputs.puppet_latents is not None
    assert inputs.puppet_alpha is not None
    assert inputs.puppet_alpha[0, 0, :3, 0, 0].tolist() == [0.5, 0.5, 1.0]
    shown = inputs.puppet_latents[0].transpose(0, 1)
    torch.testing.assert_close(shown[:2], frames(2) / 2)
    assert not shown[2:].any()


@pytest.mark.parametrize(
    ("pins", "words"),
    [
        ((frames(7), None, 1.0), "7 first and 0 last frames are given, but the video has only 7"),
        ((frames(4), frames(3), 1.0), "4 first and 3 last frames are given"),
        ((frames(2)[..., :2], None, 1.0), "The given first frames are latents of"),
        ((None, frames(2)[:, :3], 1.0), "The given last frames are latents of"),
        ((frames(2), None, 1.5), "The strength of given frames is 1.5"),
    ],
)
def test_frames_that_do_not_fit_are_refused_in_a_sentence(pins: tuple, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        pin_frames(tiny_inputs(SHAPE), Pins(*pins), 4)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_no_images_are_no_frames() -> None:
    pins = PinnedImages().encode(None, SHAPE)  # type: ignore[arg-type]
    assert (pins.first, pins.last) == (None, None)
