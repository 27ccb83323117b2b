"""Contents of a batch: plans, dropped conditions, weights."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from animatex_core.animate_x.conditions import Conditions
from animatex_core.errors import InvalidInput
from animatex_core.training.animate_x.batches import DenoiserBatchMaker, moving_weights
from animatex_core.training.animate_x.condition_dropout import DROPPED_INPUTS, draw_dropped, drop_conditions
from animatex_core.training.animate_x.config import DropoutConfig, LossConfig
from animatex_core.training.animate_x.network import start_unet
from animatex_core.training.animate_x.task import NO_ERROR, DenoisingLoss, draw_timesteps
from animatex_core.training.loop.batch_schedule import (
    BatchPlan,
    Position,
    clip_index,
    plan_batches,
    prefetch_batches,
    samples_per_step,
)

from .training_samples import SETTINGS, RandomClips, settings

KEPT = {"all_dropped": 0.0, "all_kept": 1.0}


def test_processes_share_the_samples_of_a_step_and_resuming_gives_the_same() -> None:
    config = settings(accumulation=2, steps=6)
    alone = list(plan_batches(config, Position()))
    pairs = zip(*(plan_batches(settings(steps=6), Position(), process, 2) for process in (0, 1)), strict=True)
    assert [plan for pair in pairs for plan in pair] == alone
    after = Position(3, sum(samples_per_step(config, step, 1) for step in range(3)))
    assert list(plan_batches(config, after)) == alone[6:]
    assert {plan.frames for plan in alone} == {1, 3}


def test_every_clip_is_seen_once_an_epoch() -> None:
    epochs = [[clip_index(number, 5, seed=1) for number in range(start, start + 5)] for start in (0, 5, 10)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_conditions_are_dropped_at_their_rates() -> None:
    rng = np.random.default_rng(0)
    draws = [draw_dropped(DropoutConfig(), rng) for _ in range(4000)]
    sizes = Counter(len(dropped) for dropped in draws)
    assert sizes[6] / 4000 == pytest.approx(0.1, abs=0.02)
    assert sizes[5] / 4000 == pytest.approx(0.8 / 32, abs=0.01)
    assert sizes[0] / 4000 == pytest.approx(0.1 + 0.8 / 32, abs=0.02)
    assert sum("pose" in dropped for dropped in draws) / 4000 == pytest.approx(0.5, abs=0.03)


def test_everything_dropped_is_the_unconditional_pass() -> None:
    (inputs,) = DenoiserBatchMaker(settings(dropout=KEPT), RandomClips()).sample(0, 2).groups
    nothing, bare = drop_conditions(inputs, frozenset(DROPPED_INPUTS)), inputs.unconditional()
    names = [name for names in DROPPED_INPUTS.values() for name in names if not name.startswith("puppet")]
    assert all(getattr(inputs, name) is not None for name in names)
    assert all(getattr(nothing, name) is None for names in DROPPED_INPUTS.values() for name in names)
    assert torch.equal(nothing.text_context, bare.text_context)


@pytest.mark.parametrize("interleaves", [False, True])
def test_a_batch_of_different_conditions_equals_its_single_clips(interleaves: bool) -> None:
    model = {**settings().to_dict()["model"]}
    model["ipi"] = {**model["ipi"], "interleaves_batch": interleaves}
    make = DenoiserBatchMaker(settings(model=model), RandomClips())
    batch, alone = make(BatchPlan(2, tuple(range(6)))), [make.sample(number, 2) for number in range(6)]
    unet = start_unet(make.config).eval()
    assert len(batch.groups) == (6 if interleaves else 5)
    together = Conditions.stack([unet.encode(group) for group in batch.groups])
    for sample in alone:
        place = next(i for i, latents in enumerate(batch.latents) if torch.equal(latents, sample.latents[0]))
        single = unet.encode(sample.groups[0])
        torch.testing.assert_close(together.concat[place : place + 1], single.concat)
        torch.testing.assert_close(together.reference[place : place + 1], single.reference)
        torch.testing.assert_close(together.context[0].key[place : place + 1], single.context[0].key)
        rows = slice(3 * place, 3 * place + 3)
        torch.testing.assert_close(together.motion[0].value[rows], single.motion[0].value)


def test_workers_make_the_same_batches_in_the_same_order() -> None:
    make, config = DenoiserBatchMaker(settings(), RandomClips()), settings()
    here, there = (
        list(prefetch_batches(make, plan_batches(config, Position()), workers)) for workers in (0, 2)
    )
    assert len(here) == config.steps
    assert all(torch.equal(one.latents, other.latents) for one, other in zip(here, there, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_clip_is_named(workers: int) -> None:
    make = DenoiserBatchMaker(settings(), RandomClips(clips=1, broken=0))
    with pytest.raises(InvalidInput, match=r"^Clip 0 has latents with NaN or infinity: prepare it again\.$"):
        next(prefetch_batches(make, plan_batches(make.config, Position()), workers))


def test_data_of_another_size_is_refused() -> None:
    make = DenoiserBatchMaker(settings(size={"width": 64, "height": 96}), RandomClips())
    with pytest.raises(InvalidInput, match=r"latents of shape \(4, 1, 6, 4\), but the configuration needs"):
        make.sample(0, 1)


def test_data_of_another_autoencoder_is_refused() -> None:
    make = DenoiserBatchMaker(settings(model={**SETTINGS["model"], "latent_channels": 8}), RandomClips())
    with pytest.raises(InvalidInput, match="latents of 4 channels, but the configuration needs 8: prepare"):
        make.sample(0, 1)


def test_a_share_of_the_clips_gets_the_last_timestep() -> None:
    torch.manual_seed(0)
    timesteps = draw_timesteps(4000, LossConfig(pure_noise=0.25))
    assert (timesteps == 999).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert timesteps.float().mean().item() == pytest.approx(0.75 * 500 + 0.25 * 999, abs=20)


def test_channels_have_the_configured_weights() -> None:
    batch = DenoiserBatchMaker(settings(), RandomClips())(BatchPlan(3, (0, 1)))
    unet, noise = start_unet(settings()), torch.randn_like(batch.latents)
    timesteps = torch.tensor([999, 500])
    each = [
        DenoisingLoss(unet, [4.0 * (n == m) for m in range(4)])(batch, noise, timesteps)[0] for n in range(4)
    ]
    whole, _ = DenoisingLoss(unet)(batch, noise, timesteps)
    assert sum(each).item() / 4 == pytest.approx(whole.item(), rel=1e-5)
    assert len({round(loss.item(), 6) for loss in each}) == 4


def test_a_relative_loss_is_measured_in_errors_of_the_puppet() -> None:
    config = settings(model={**SETTINGS["model"], "puppet": True})
    batch = DenoiserBatchMaker(config, RandomClips())(BatchPlan(3, (0, 1)))
    unet, noise, timesteps = start_unet(config), torch.randn_like(batch.latents), torch.tensor([999, 999])
    loss = DenoisingLoss(unet, relative=True)  # of a network that still returns the puppet
    without, errors = loss(batch, noise, timesteps)  # or zero if there is none
    assert without.item() == pytest.approx((errors / (errors + NO_ERROR)).mean().item(), rel=1e-3)
    latents = batch.latents.split([group.batch for group in batch.groups])
    pairs = zip(batch.groups, latents, strict=True)
    near = replace(batch, groups=tuple(replace(one, puppet_latents=true + 0.1) for one, true in pairs))
    found, errors = loss(near, noise, timesteps)
    assert errors.tolist() == pytest.approx([0.01, 0.01], rel=0.01)
    assert found.item() == pytest.approx(0.01 / (0.01 + NO_ERROR), rel=0.01)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0, 1.0, -1.0)])
def test_weights_of_other_channels_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"loss\.channel_weights"):
        settings(loss={"channel_weights": weights})


def test_moving_cells_have_larger_weights() -> None:
    clip = RandomClips().clip(0, 3, np.random.default_rng(0))
    clip.latents[:, :, :3] = 1.0  # the upper half does not move
    weights = moving_weights(clip, 2.0)
    assert torch.equal(weights[0, 0, :, :3], torch.ones(3, 3, 4))
    assert weights.max() == 3


@pytest.mark.parametrize(("emphasis", "mean"), [(0.0, 499.5), (1.0, 666.2)])
def test_timesteps_are_drawn_by_their_density(emphasis: float, mean: float) -> None:
    torch.manual_seed(0)
    drawn = draw_timesteps(20_000, LossConfig(noise_emphasis=emphasis))
    assert drawn.double().mean() == pytest.approx(mean, abs=6)
    assert (drawn.min() >= 0, drawn.max()) == (True, 999)
