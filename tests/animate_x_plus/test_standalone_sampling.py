"""The steps of a clip, against loops that are written out."""

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x_plus.sampling import PlusSampling, sample_clip, wan_noise
from animatex_core.animate_x_plus.shapes import WanShape
from animatex_core.animate_x_plus.wan.transformer import WanInputs, predict
from animatex_core.errors import Cancelled, InvalidInput
from tests.animate_x_plus.samples import FRAMES, HEIGHT, WIDTH, conditions, drawn, wan, wan_inputs

SHAPE = WanShape(WIDTH, HEIGHT, FRAMES)
NEGATIVE = drawn(1, 512, 64, seed=9)
# What shift 5 makes of 1, 3/4, 1/2, 1/4, 0; and the timesteps in bfloat16, four apart above 512.
SIGMAS = (1.0, 0.9375, 5 / 6, 0.625, 0.0)
TIMESTEPS = (1000.0, 936.0, 832.0, 624.0)


def told(variant: str = "full") -> WanInputs:
    return wan_inputs(conditions("full" if variant == "full" else "simple"))


def sampled(settings: PlusSampling, inputs: WanInputs | None = None) -> Tensor:
    return sample_clip(wan(), inputs or told(), NEGATIVE, SHAPE, settings)


@torch.no_grad()
def by_hand(inputs: WanInputs, scale: float, seed: int) -> Tensor:
    x = torch.randn((1, 16, 3, 6, 4), generator=torch.Generator().manual_seed(seed))
    for timestep, sigma, following in zip(TIMESTEPS, SIGMAS, SIGMAS[1:], strict=False):
        t = torch.tensor([timestep])
        c = predict(wan(), x, t, inputs)
        u = predict(wan(), x, t, inputs.unconditional(NEGATIVE))
        x = x + (u + scale * (c - u)) * (following - sigma)
    return x


@pytest.mark.parametrize("variant", ["full", "simple"])
def test_four_steps_match_the_official_loop(variant: str) -> None:
    latents = sampled(PlusSampling(steps=4, guidance=3.0, seed=11), told(variant))
    torch.testing.assert_close(latents, by_hand(told(variant), 3.0, 11), atol=2e-5, rtol=0)


def test_guidance_of_one_runs_the_conditional_pass_only() -> None:
    ran: list[int] = []
    block: torch.nn.Module = wan().blocks[0]  # type: ignore[assignment,index]
    handle = block.register_forward_hook(lambda *_: ran.append(1))
    latents = sampled(PlusSampling(steps=4, guidance=1.0, seed=11))
    handle.remove()
    assert len(ran) == 4
    torch.testing.assert_close(latents, by_hand(told(), 1.0, 11), atol=2e-5, rtol=0)


def test_each_pass_has_its_own_cache() -> None:
    plain = sampled(PlusSampling(steps=4))
    assert torch.equal(sampled(PlusSampling(steps=4, teacache=0.0)), plain)
    ran: list[int] = []
    block: torch.nn.Module = wan().blocks[0]  # type: ignore[assignment,index]
    handle = block.register_forward_hook(lambda *_: ran.append(1))
    skipped = sampled(PlusSampling(steps=4, teacache=1e9))
    handle.remove()
    assert len(ran) == 4  # the first step and the last of both branches
    assert (skipped - plain).abs().max() > 1e-4


def test_an_error_in_progress_stops_at_once() -> None:
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        sample_clip(wan(), told(), NEGATIVE, SHAPE, PlusSampling(steps=4), stop)
    assert seen == [(1, 4), (2, 4)]


def test_noise_depends_on_the_seed_only() -> None:
    assert torch.equal(wan_noise(SHAPE, 3), wan_noise(SHAPE, 3))
    assert not torch.equal(wan_noise(SHAPE, 3), wan_noise(SHAPE, 4))


def test_the_official_settings() -> None:
    assert PlusSampling.released("simple") == PlusSampling(50, 5.0, 5.0, 0, None)
    assert PlusSampling.released("full").guidance == 3.0


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"guidance": -1.0},
        {"guidance": float("nan")},
        {"shift": 0.0},
        {"seed": -1},
        {"seed": 2**64},
        {"teacache": -0.1},
    ],
)
def test_invalid_plus_settings_are_rejected(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        PlusSampling(**settings)  # type: ignore[arg-type]
