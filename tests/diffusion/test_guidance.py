from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.guidance import DenoiserPair, Guidance, with_batched_guidance, with_guidance
from animatex_core.diffusion.solvers import SOLVERS, Denoiser
from animatex_core.errors import InvalidInput
from tests.diffusion.toy import linear, noise, solve

CONDITIONAL, UNCONDITIONAL = linear(0.3, 1e-4, -0.05, k=1.0), linear(0.3, 1e-4, -0.05, k=0.5)
X = noise(2, 4, 3, 2, 2)


def counted(denoise: Denoiser, calls: Counter, name: str) -> Denoiser:
    def count(x: Tensor, t: Tensor) -> Tensor:
        calls[name] += 1
        return denoise(x, t)

    return count


def in_one_batch() -> DenoiserPair:
    """Both passes as one of twice the batch, like a model whose conditions are stacked."""

    def both(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        k = torch.tensor([1.0, 0.5]).repeat_interleave(len(x)).view(-1, 1, 1, 1, 1)
        x, t = x.repeat(2, 1, 1, 1, 1), t.repeat(2).view(-1, 1, 1, 1, 1)
        c, u = (0.3 * x * k + 1e-4 * t.float() - 0.05 * k).chunk(2)
        return c, u

    return both


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.5, 7.0])
def test_guidance_goes_from_unconditional_through_conditional(scale: float) -> None:
    t = torch.tensor([500, 500])
    c, u = CONDITIONAL(X, t), UNCONDITIONAL(X, t)
    assert_close(with_guidance(CONDITIONAL, UNCONDITIONAL, Guidance(scale))(X, t), u + scale * (c - u))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("guidance", [Guidance(), Guidance(3.0, 0.2, 0.7), Guidance(1.0)])
def test_one_batch_and_two_passes_agree(solver: str, guidance: Guidance) -> None:
    apart = with_guidance(CONDITIONAL, UNCONDITIONAL, guidance)
    together = with_batched_guidance(in_one_batch(), CONDITIONAL, guidance)
    assert_close(solve(solver, together, X, 10), solve(solver, apart, X, 10))


@pytest.mark.parametrize(
    ("guidance", "guided_timesteps"),
    [
        (Guidance(), {999, 749, 499, 249}),
        (Guidance(scale=1.0), set()),
        (Guidance(start=0.25), {749, 499, 249}),
        (Guidance(end=0.5), {999, 749}),
        (Guidance(start=0.25, end=0.6), {749, 499}),
        (Guidance(start=0.0, end=0.0), {999}),
        (Guidance(start=1.0, end=1.0), set()),
    ],
)
def test_outside_the_interval_only_the_conditional_pass_runs(
    guidance: Guidance, guided_timesteps: set[int]
) -> None:
    calls: Counter[str] = Counter()
    denoise = with_guidance(counted(CONDITIONAL, calls, "c"), counted(UNCONDITIONAL, calls, "u"), guidance)
    for timestep in (999, 749, 499, 249):
        before = calls["u"]
        denoise(X, torch.tensor([timestep] * 2))
        assert (calls["u"] > before) == (timestep in guided_timesteps)
    assert calls["c"] == 4


def test_outside_the_interval_the_batch_is_not_run() -> None:
    calls: Counter[str] = Counter()

    def pair(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        calls["pair"] += 1
        return x, x

    denoise = with_batched_guidance(pair, counted(CONDITIONAL, calls, "c"), Guidance(end=0.5))
    for timestep in (999, 500, 499, 0):
        denoise(X, torch.tensor([timestep] * 2))
    assert calls == {"pair": 2, "c": 2}


@pytest.mark.parametrize(("timestep", "progress"), [(999, 0.0), (499.5, 0.5), (0, 1.0)])
def test_both_ends_of_the_interval_belong_to_it(timestep: float, progress: float) -> None:
    assert Guidance(start=progress, end=progress).applies(timestep)
    assert not Guidance(start=progress, end=progress).applies(timestep + 0.1)


@pytest.mark.parametrize(("scale", "applies"), [(3.0, True), (1.0, False)])
def test_the_whole_interval_includes_the_first_timestep_of_flow_matching(scale: float, applies: bool) -> None:
    assert Guidance(scale).applies(1000.0) is applies


def test_at_scale_1_flow_matching_runs_only_the_conditional_pass() -> None:
    def forbidden(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        raise AssertionError

    x, t = torch.ones(1, 1, 1, 1, 1), torch.tensor([1000.0])
    assert with_guidance(lambda x, t: 2 * x, forbidden, Guidance(1))(x, t).item() == 2
    assert with_guidance(lambda x, t: 2 * x, lambda x, t: x, Guidance(3))(x, t).item() == 4


def test_half_precision_outputs_are_combined_in_the_dtype_of_the_latents() -> None:
    t = torch.tensor([500, 500])
    c, u = CONDITIONAL(X, t).half(), UNCONDITIONAL(X, t).half()
    v = with_guidance(lambda x, t: c, lambda x, t: u, Guidance())(X, t)
    assert v.dtype == torch.float32
    assert_close(v, u.float() + 2.5 * (c.float() - u.float()))


@pytest.mark.parametrize("scale", [-0.1, float("inf"), float("nan")])
def test_invalid_scales_are_rejected(scale: float) -> None:
    with pytest.raises(InvalidInput, match=f"^guidance scale is {scale},"):
        Guidance(scale)


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1.0), (0.0, 1.1), (0.6, 0.5), (float("nan"), 1.0)])
def test_invalid_intervals_are_rejected(start: float, end: float) -> None:
    with pytest.raises(InvalidInput, match=f"^guidance goes from {start} to {end},"):
        Guidance(start=start, end=end)
