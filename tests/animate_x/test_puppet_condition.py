"""A denoiser that begins from the puppet."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs, Conditions
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.puppet_condition import ERROR, estimate_from_puppet
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.diffusion.schedule import NoiseSchedule
from animatex_core.errors import InvalidInput
from animatex_core.training.animate_x.network import initialise
from tests.animate_x.samples import tiny_inputs, tiny_latents, tiny_unet

CONFIG = replace(DenoiserConfig.tiny(), separate_conditions=True, puppet=True, reference_keys=True)
SCHEDULE = NoiseSchedule.released()
PUPPET = tiny_latents(seed=7)


def _inputs(**changes: Tensor | None) -> ConditionInputs:
    given: dict[str, Any] = {"puppet_latents": PUPPET, **changes}
    return replace(tiny_inputs(), **given)


def _answer(unet: AnimateXUNet, inputs: ConditionInputs, timestep: int = 999) -> Tensor:
    return unet(tiny_latents(), torch.tensor([timestep]), unet.encode(inputs))


def test_the_estimate_ignores_pure_noise_and_keeps_nearly_clean_latents() -> None:
    x = tiny_latents(seed=1)
    puppet = x + ERROR**0.5 * tiny_latents(seed=2)
    for timestep, known in ((999, puppet), (0, x)):
        t = torch.tensor([timestep])
        estimate = SCHEDULE.x0_from_v(x, estimate_from_puppet(x, puppet, t).velocity, t)
        torch.testing.assert_close(estimate, known, atol=0.1 if timestep == 0 else 1e-6, rtol=0)
    assert estimate_from_puppet(x, puppet, torch.tensor([999])).correction.abs().max() == 0


@pytest.mark.parametrize("timestep", [100, 400, 600])
def test_no_other_linear_estimate_is_closer(timestep: int) -> None:
    shape, generator = (64, 4, 2, 8, 8), torch.Generator().manual_seed(0)
    clean, noise, error = (torch.randn(shape, generator=generator) for _ in range(3))
    puppet, t = clean + ERROR**0.5 * error, torch.full((64,), timestep)
    x = SCHEDULE.noised(clean, noise, t)
    correction, velocity, _ = estimate_from_puppet(x, puppet, t)
    torch.testing.assert_close(SCHEDULE.x0_from_v(x, velocity, t), puppet + correction, atol=1e-4, rtol=0)
    errors = [(puppet + factor * correction - clean).square().mean() for factor in (0.8, 1.0, 1.2)]
    assert errors[1] == min(errors)


def test_a_network_that_adds_nothing_returns_the_puppet() -> None:
    unet, inputs = AnimateXUNet(CONFIG).requires_grad_(False), _inputs()
    initialise(unet)
    torch.testing.assert_close(_answer(unet, inputs), -PUPPET)
    assert not _answer(unet, replace(inputs, puppet_latents=None)).any()


def test_a_network_that_ignores_noise_estimates_the_same_at_every_timestep() -> None:
    with_noise, without = (tiny_unet(replace(CONFIG, ignores_noise=ignores)) for ignores in (False, True))
    inputs, first = _inputs(), -_answer(without, _inputs())
    torch.testing.assert_close(first, -_answer(with_noise, inputs))
    for timestep in (999, 700, 100, 1):
        x, t = tiny_latents(seed=timestep), torch.tensor([timestep])
        found = SCHEDULE.x0_from_v(x, without(x, t, without.encode(inputs)), t)
        torch.testing.assert_close(found, first, atol=1e-4, rtol=0)


def test_a_network_that_ignores_noise_runs_once_per_video() -> None:
    unet, calls = tiny_unet(replace(CONFIG, ignores_noise=True)), []
    x, t = tiny_latents(), torch.tensor([999])
    with torch.no_grad():
        expected = [unet(x, t * part, unet.encode(_inputs())) for part in (1, 0.5)]
        conditions = unet.encode(_inputs())
        unet.middle_block.register_forward_hook(lambda *_: calls.append(1))
        found = [unet(x, t * part, conditions.to("cpu")) for part in (1, 0.5)]
    assert all(map(torch.equal, found, expected))
    assert len(calls) == 1


def test_videos_in_one_batch_keep_what_is_predicted_for_each() -> None:
    unet = tiny_unet(replace(CONFIG, ignores_noise=True))
    one, other = unet.encode(_inputs()), unet.encode(_inputs(pose_pictures=None))
    x, t = tiny_latents(), torch.tensor([700])
    both = unet(torch.cat([x, x]), torch.cat([t, t]), Conditions.stack([one, other]))
    unet.middle_block.register_forward_hook(lambda *_: pytest.fail("it ran again"))
    torch.testing.assert_close(torch.cat([unet(x, t, one), unet(x, t, other)]), both)
    assert not torch.equal(*both)


def test_a_video_without_a_kept_prediction_runs_the_others_of_its_batch_too() -> None:
    unet, x, t = tiny_unet(replace(CONFIG, ignores_noise=True)), tiny_latents(), torch.tensor([700])
    known, new = unet.encode(_inputs()), unet.encode(_inputs(pose_pictures=None))
    expected = torch.cat([unet(x, t, known), unet(x, t, replace(new, kept=()))])
    for parts in ([known, new], [known, replace(new, kept=())]):
        found = unet(torch.cat([x, x]), torch.cat([t, t]), Conditions.stack(parts))
        torch.testing.assert_close(found, expected)


def test_in_training_it_runs_at_every_step() -> None:
    unet = tiny_unet(replace(CONFIG, ignores_noise=True)).requires_grad_(True).train()
    conditions = unet.encode(_inputs())
    assert conditions.kept == ()
    unet(tiny_latents(), torch.tensor([999]), conditions).sum().backward()
    gradients = [weight.grad for weight in unet.middle_block.parameters()]
    assert all(gradient is not None for gradient in gradients)


def test_ignoring_noise_needs_a_puppet() -> None:
    with pytest.raises(InvalidInput, match="ignores_noise is true, but puppet is false"):
        replace(DenoiserConfig.tiny(), ignores_noise=True)


@pytest.mark.parametrize("name", ["puppet_latents", "pose_pictures", "reference_image", "reference_latents"])
def test_every_condition_has_an_effect(name: str) -> None:
    unet = tiny_unet(CONFIG)
    assert not torch.equal(_answer(unet, _inputs()), _answer(unet, _inputs(**{name: None})))


def test_frames_attend_to_the_reference() -> None:
    with_keys, without = (tiny_unet(replace(CONFIG, reference_keys=keys)) for keys in (True, False))
    assert with_keys.state_dict().keys() == without.state_dict().keys()
    assert not torch.equal(_answer(with_keys, _inputs()), _answer(without, _inputs()))


def test_pooling_images_first_needs_the_same_weights() -> None:
    first, later = (tiny_unet(replace(CONFIG, pools_pictures=pools)) for pools in (True, False))
    assert first.state_dict().keys() == later.state_dict().keys()
    assert not torch.equal(_answer(first, _inputs()), _answer(later, _inputs()))


def test_a_window_has_the_puppet_of_its_frames() -> None:
    inputs = _inputs()
    found = inputs.window(1, 3).puppet_latents
    assert found is not None
    torch.testing.assert_close(found, PUPPET[:, :, 1:3])


def test_a_network_without_puppet_rejects_it() -> None:
    with pytest.raises(InvalidInput, match="puppet_latents has"):
        tiny_unet().encode(_inputs())


def test_a_file_without_these_entries_has_the_official_values() -> None:
    values = DenoiserConfig.tiny().to_dict()
    for name in ("pools_pictures", "separate_conditions", "puppet", "reference_keys", "ignores_noise"):
        assert values.pop(name) is False
    assert values.pop("smallest_change") == 0
    assert DenoiserConfig.from_dict(values) == DenoiserConfig.tiny()
