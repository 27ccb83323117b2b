"""A denoiser that works on a finer grid than that of its latents."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from animatex_core.animate_x.components import load_small
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.finer_grid import FinerGrid
from animatex_core.animate_x.shapes import activation_bytes
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.errors import InvalidInput
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.training.animate_x.network import initialise
from animatex_core.training.small_models.grid_start import set_grid
from animatex_core.training.small_models.patch_autoencoder import (
    PATCH_AUTOENCODER,
    draw_image,
    image_to_tensor,
)
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_latents, tiny_unet

CHANNELS = PATCH_AUTOENCODER.latent_channels
FINE = replace(
    DenoiserConfig.tiny(), grid_factor=2, cell_channels=3, separate_conditions=True, temporal_levels=(2,)
)


def _v(unet: AnimateXUNet, x: torch.Tensor) -> torch.Tensor:
    return unet(x, torch.tensor([700]), unet.encode(tiny_inputs()))


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("puppet", [False, True])
def test_every_condition_and_the_latents_reach_the_output(factor: int, puppet: bool) -> None:
    unet = tiny_unet(replace(FINE, grid_factor=factor, puppet=puppet))
    inputs, x, time = tiny_inputs(), tiny_latents(), torch.tensor([700])
    if puppet:
        alpha = torch.rand(1, 1, TINY_SHAPE.frames, TINY_SHAPE.height, TINY_SHAPE.width)
        inputs = replace(inputs, puppet_latents=tiny_latents(seed=3), puppet_alpha=alpha)
    v = unet(x, time, unet.encode(inputs))
    assert v.shape == x.shape
    names = ["reference_image", "reference_latents", "pose_pictures", "keypoints", "clip_features"]
    for name in [*names, "image_embedding", *(["puppet_latents", "puppet_alpha"] if puppet else [])]:
        nothing: dict[str, Any] = {name: None}
        without = replace(inputs, **nothing)
        assert not torch.equal(unet(x, time, unet.encode(without)), v), name
    assert not torch.equal(unet(x + 1, time, unet.encode(inputs)), v)


def test_a_network_that_adds_nothing_returns_the_puppet() -> None:
    unet = AnimateXUNet(replace(FINE, puppet=True)).requires_grad_(False)
    initialise(unet)
    puppet = tiny_latents(seed=3)
    conditions = unet.encode(replace(tiny_inputs(), puppet_latents=puppet))
    torch.testing.assert_close(unet(tiny_latents(), torch.tensor([999]), conditions), -puppet)


def test_frames_only_meet_at_levels_with_temporal_layers() -> None:
    config = replace(FINE, reference_keys=False)
    changed = tiny_latents()
    changed[:, :, -1] += 1
    for levels, meets in (((), False), ((0,), True), ((2,), True), (None, True)):
        unet = tiny_unet(replace(config, temporal_levels=levels))
        first = _v(unet, changed)[:, :, 0]
        assert torch.equal(first, _v(unet, tiny_latents())[:, :, 0]) != meets


def test_cells_of_the_small_models_are_the_pixels_that_their_autoencoder_decodes() -> None:
    small = load_small(BUNDLED_MODELS, torch.float32, torch.device("cpu"))
    unet = AnimateXUNet(replace(FINE, grid_factor=8, latent_channels=CHANNELS, puppet=True))
    with torch.no_grad():
        set_grid(unet, small.autoencoder)
        latents = small.autoencoder.encode(image_to_tensor(draw_image(3, held_out=True))[None])
        decoded = small.autoencoder.decode(latents) - small.autoencoder.decode(torch.zeros_like(latents))
        assert unet.grid is not None
        cells = F.pixel_shuffle(unet.grid.split(latents[:, :, None])[:, :, 0], 8)
        torch.testing.assert_close(cells, decoded, atol=0.02, rtol=0)
        torch.testing.assert_close(unet.grid.leave(cells), latents, atol=0.05, rtol=0)


def test_small_changes_are_left_out_except_in_training() -> None:
    quiet = replace(FINE, puppet=True, ignores_noise=True, smallest_change=0.1)
    grid, plain = (tiny_unet(replace(quiet, smallest_change=least)).grid for least in (0.1, 0.0))
    assert grid is not None
    assert plain is not None
    sizes = torch.tensor([0.0, 0.05, 0.1, 0.15, 0.2, 0.5])
    kept = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0, 1.0])
    for size, share in zip(sizes, kept, strict=True):
        cells = size * torch.tensor([0.2, -1.0, 0.5])[None, :, None, None].expand(1, 3, 4, 4)
        torch.testing.assert_close(grid.leave(cells), share * plain.leave(cells))
        torch.testing.assert_close(grid.train().leave(cells), plain.leave(cells))
        grid.eval()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"smallest_change": -0.1}, r"smallest_change is -0\.1: choose 0, or 0\.001 to 1"),
        ({"smallest_change": float("nan")}, "smallest_change is nan: choose 0, or"),
        ({"smallest_change": 1e-320}, r"smallest_change is 1e-320: choose 0, or"),
        ({"smallest_change": True}, "smallest_change is True: choose 0, or"),
        ({"smallest_change": "0.1"}, r"smallest_change is '0\.1': choose 0, or"),
        ({"ignores_noise": False}, "smallest_change needs ignores_noise and a grid_factor above 1"),
        ({"grid_factor": 1}, "smallest_change needs ignores_noise and a grid_factor above 1"),
    ],
)
def test_impossible_smallest_changes_are_refused(changes: dict[str, Any], sentence: str) -> None:
    possible = replace(FINE, puppet=True, ignores_noise=True, smallest_change=0.1)
    with pytest.raises(InvalidInput, match=sentence):
        replace(possible, **changes)


def test_cells_of_another_size_than_the_pixels_are_refused() -> None:
    small = load_small(BUNDLED_MODELS, torch.float32, torch.device("cpu"))
    unet = AnimateXUNet(replace(FINE, grid_factor=4, latent_channels=CHANNELS))
    with pytest.raises(InvalidInput, match=r"3 channels, but 2x2 pixels have 12 .* set model.cell_channels"):
        set_grid(unet, small.autoencoder)


def test_what_enters_side_by_side_stays_side_by_side() -> None:
    unet = tiny_unet(replace(FINE, puppet=True))
    grid = unet.grid
    assert isinstance(grid, FinerGrid)
    video = torch.zeros(1, unet.config.reference_channels, 4, 4)
    video[..., 1, 2] = 1.0
    found = grid.enter(video).abs().sum(1)[0]
    assert found[2:4, 4:6].ne(0).all()
    assert found.count_nonzero() == 4


def test_latents_are_halved_less_often_on_a_finer_grid() -> None:
    counts = {factor: replace(FINE, grid_factor=factor).num_downsamples for factor in (1, 2, 4, 8)}
    assert counts == {1: 2, 2: 1, 4: 0, 8: 0}


def test_more_cells_need_more_memory() -> None:
    coarse, fine = (activation_bytes(replace(FINE, grid_factor=f), TINY_SHAPE, torch.float32) for f in (1, 2))
    assert fine == pytest.approx(4 * coarse, rel=0.1)


def test_a_configuration_is_read_as_it_was_written() -> None:
    assert DenoiserConfig.from_dict(FINE.to_dict()) == FINE
    earlier = {k: v for k, v in DenoiserConfig.tiny().to_dict().items() if k != "temporal_levels"}
    assert DenoiserConfig.from_dict(earlier) == DenoiserConfig.tiny()
    with pytest.raises(InvalidInput, match="grid_factor is 3, but it must be one of 1, 2, 4, 8"):
        replace(FINE, grid_factor=3)
    with pytest.raises(InvalidInput, match="attention_levels and temporal_levels"):
        replace(FINE, temporal_levels=(-1,))
