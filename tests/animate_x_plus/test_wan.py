import sys
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x_plus.sampling import FlowSchedule, euler
from animatex_core.animate_x_plus.teacache import TeaCache
from animatex_core.animate_x_plus.wan.keys import to_diffusers
from animatex_core.animate_x_plus.wan.transformer import (
    WanInputs,
    build_wan,
    conditioned,
    load_wan,
    predict,
)
from animatex_core.diffusion.guidance import Guidance, with_guidance
from animatex_core.errors import MissingDependency, WrongCheckpoint
from tests.animate_x_plus.reference_wan import wan_weights
from tests.animate_x_plus.samples import WAN, conditions, drawn, wan, wan_inputs

LATENTS = drawn(1, 16, 3, 6, 4, seed=6)


def transformer() -> Any:
    return wan()


def velocity(inputs: WanInputs, timestep: float = 500.0, cache: TeaCache | None = None) -> Tensor:
    with torch.no_grad():
        return predict(wan(), LATENTS, torch.tensor([timestep]), inputs, cache)


def test_the_transformer_is_restored() -> None:
    plain = velocity(wan_inputs(None))
    told = velocity(wan_inputs(conditions("full")))
    assert (told - plain).abs().max() > 1e-3
    assert torch.equal(velocity(wan_inputs(None)), plain)
    assert not any(block._forward_pre_hooks for block in transformer().blocks)


def test_existing_hooks_are_kept_and_called() -> None:
    seen: list[Tensor] = []
    block = transformer().blocks[0]
    handle = block.register_forward_hook(lambda module, given, tokens: seen.append(tokens))
    velocity(wan_inputs(None))
    velocity(wan_inputs(conditions("simple")))
    handle.remove()
    assert len(seen) == 2
    assert not torch.equal(*seen)


def test_both_passes_in_one_batch_get_their_own_conditions() -> None:
    plus = conditions("full")
    told = wan_inputs(plus)
    other = told.unconditional(drawn(1, 512, 64, seed=9))
    with conditioned(wan(), plus, [False, True]), torch.no_grad():
        latents = torch.cat([LATENTS, told.y + plus.reference_map.unsqueeze(2)], dim=1)
        both = wan()(
            hidden_states=latents.expand(2, -1, -1, -1, -1),
            timestep=torch.tensor([500.0, 500.0]),
            encoder_hidden_states=torch.cat([other.text_context, told.text_context]),
            encoder_hidden_states_image=told.clip_features.expand(2, -1, -1),
            return_dict=False,
        )[0]
    torch.testing.assert_close(both, torch.cat([velocity(other), velocity(told)]), atol=2e-5, rtol=0)


def test_padding_of_a_short_text_is_masked() -> None:
    inputs = wan_inputs(None)
    cut = replace(inputs, text_context=inputs.text_context[:, :20])
    filled = replace(inputs, text_context=torch.nn.functional.pad(cut.text_context, (0, 0, 0, 492)))
    assert (velocity(cut) - velocity(filled)).abs().max() > 1e-3


def test_weights_of_another_transformer_are_rejected() -> None:
    weights = wan_weights(WAN)
    weights["blocks.0.strange.weight"] = weights.pop("blocks.0.ffn.0.weight")
    with pytest.raises(WrongCheckpoint, match=r"1 missing \(blocks.0.ffn.net.0.proj.weight\); 1 unexpected"):
        load_wan(weights, WAN, dtype=torch.float32)


def test_weights_under_other_keys_give_the_same_network() -> None:
    prefixed = {f"model.diffusion_model.{key}": tensor for key, tensor in wan_weights(WAN).items()}
    given = wan().state_dict()
    for weights in (to_diffusers(wan_weights(WAN)), prefixed):
        again = load_wan(weights, WAN, dtype=torch.float32).state_dict()
        assert all(torch.equal(tensor, given[key]) for key, tensor in again.items())


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_whole_run_matches_the_official_formula(guidance: float) -> None:
    """Four steps by hand: guidance of two passes, then Euler on the shifted sigmas."""
    told = wan_inputs(conditions("full"))
    other = told.unconditional(drawn(1, 512, 64, seed=9))
    schedule = FlowSchedule.shifted(4)
    with torch.no_grad():
        conditional = partial(predict, wan(), inputs=told)
        unconditional = partial(predict, wan(), inputs=other)
        latents = euler(with_guidance(conditional, unconditional, Guidance(guidance)), LATENTS, schedule)
        x = LATENTS
        for sigma, following in ((1.0, 0.9375), (0.9375, 5 / 6), (5 / 6, 0.625), (0.625, 0.0)):
            t = torch.tensor([1000 * sigma])
            c, u = (predict(wan(), x, t, inputs) for inputs in (told, other))
            x = x + (u + guidance * (c - u)) * (following - sigma)
    torch.testing.assert_close(latents, x, atol=2e-5, rtol=0)


def test_a_cache_with_threshold_zero_changes_nothing() -> None:
    told, cache = wan_inputs(conditions("full")), TeaCache(3, threshold=0)
    for timestep in (900.0, 899.0, 898.0):
        assert torch.equal(velocity(told, timestep, cache), velocity(told, timestep))


def test_a_skipped_step_adds_what_the_blocks_added_before() -> None:
    told, cache = wan_inputs(conditions("full")), TeaCache(4, threshold=1e9)
    ran: list[int] = []
    handle = transformer().blocks[1].register_forward_hook(lambda *_: ran.append(1))
    answers = [velocity(told, 900.0, cache) for _ in range(4)]
    handle.remove()
    assert len(ran) == 2  # the first step and the last
    for answer in answers:
        torch.testing.assert_close(answer, velocity(told, 900.0), atol=2e-5, rtol=0)
    assert len(transformer().blocks) == WAN.blocks


def test_without_diffusers_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingDependency, match=r"pip install 'diffusers>=0\.33'"):
        build_wan(WAN)
