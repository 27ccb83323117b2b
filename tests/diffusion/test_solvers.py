import gc
import json
import math
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.guidance import Guidance, with_guidance
from animatex_core.diffusion.schedule import NoiseSchedule, Timesteps, trailing_timesteps
from animatex_core.diffusion.solvers import SOLVERS, Solver, StepInfo, ddim, dpm_solver_pp_2m
from animatex_core.errors import Cancelled, InvalidInput
from tests.diffusion.toy import SCHEDULE, TOY, Gaussian, linear, noise, solve

REFERENCE = Path(__file__).parents[1] / "reference"
quiet_diffusers = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
every_solver = pytest.mark.parametrize("solver", SOLVERS)


def diffusers_result(x: Tensor, steps: int) -> Tensor:
    scheduler = DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        x = scheduler.step(TOY(x, t.expand(len(x))), t, x).prev_sample
    return x


@pytest.mark.parametrize("steps", [20, 30, 50])
def test_ddim_matches_the_official_result(steps: int) -> None:
    case, numbers = json.loads((REFERENCE / "ddim.json").read_text()), np.load(REFERENCE / "ddim.npz")
    size = {name: case["toy"][name] for name in "abc"}
    conditional = linear(**size, k=case["toy"]["k_conditional"])
    unconditional = linear(**size, k=case["toy"]["k_unconditional"])
    denoise = with_guidance(conditional, unconditional, Guidance(case["guide_scale"]))
    result = solve("ddim", denoise, torch.from_numpy(numbers["x"]), steps)
    assert_close(result, torch.from_numpy(numbers[f"out_{steps}"]), rtol=0, atol=2e-6)


@quiet_diffusers
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 10, 16, 20, 50])
def test_dpm_solver_agrees_with_diffusers_given_its_terminal_alpha(steps: int) -> None:
    x, theirs = noise(2, 4, 2, 3, 3), NoiseSchedule(SCHEDULE.alphas_cumprod.clamp(min=2**-24))
    result = dpm_solver_pp_2m(TOY, x, theirs, trailing_timesteps(steps))
    assert_close(result, diffusers_result(x, steps), rtol=0, atol=5e-6)


@quiet_diffusers
@pytest.mark.parametrize(("steps", "difference"), [(1, 1e-3), (3, 3e-2), (8, 2e-3), (20, 5e-4), (50, 3e-4)])
def test_a_terminal_alpha_of_zero_makes_little_difference(steps: int, difference: float) -> None:
    """With 2^-24 the second step leans on the first a little, with 0 not at all."""
    x = noise(2, 4, 2, 3, 3)
    assert_close(solve("dpm++2m", TOY, x, steps), diffusers_result(x, steps), rtol=0, atol=difference)


def error_halfway(steps: int) -> float:
    """Largest error at timestep 499, which all even step counts visit, before the last first-order step."""
    gaussian, x, at = Gaussian(mean=0.5, std=0.4), noise(1, 4, 2, 4, 4).double(), {}

    def keep(step: StepInfo) -> None:
        at[step.index + 1] = step.latents

    solve("dpm++2m", gaussian, x, steps, keep)
    return (at[steps // 2] - gaussian.trajectory(x, 499)).abs().max().item()


@pytest.mark.parametrize("steps", [20, 50, 100])
def test_dpm_solver_converges_with_second_order(steps: int) -> None:
    assert error_halfway(steps) / error_halfway(2 * steps) == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("steps", [25, 50, 100])
def test_dpm_solver_ends_at_the_prediction_of_its_last_timestep(steps: int) -> None:
    gaussian, x, last = Gaussian(mean=0.5, std=0.4), noise(1, 4, 2, 4, 4).double(), 1000 // steps - 1
    before, t = gaussian.trajectory(x, last), torch.tensor([last])
    expected = SCHEDULE.x0_from_v(before, gaussian(before, t), t)
    assert_close(solve("dpm++2m", gaussian, x, steps), expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_dpm_steps_give_the_mean_of_a_narrow_gaussian(steps: int) -> None:
    result = solve("dpm++2m", Gaussian(mean=0.7, std=1e-3), noise(1, 4, 1, 2, 2), steps)
    assert_close(result, torch.full_like(result, 0.7), rtol=0, atol=0.01)


@every_solver
@pytest.mark.parametrize("steps", [1, 2, 20])
@pytest.mark.parametrize("shape", [(1, 4, 1, 1, 1), (2, 4, 3, 2, 5)])
def test_results_are_finite_and_shaped_like_the_noise(
    solver: str, steps: int, shape: tuple[int, ...]
) -> None:
    result = solve(solver, TOY, noise(*shape), steps)
    assert result.shape == shape
    assert result.isfinite().all()


@every_solver
def test_videos_of_a_batch_are_independent(solver: str) -> None:
    x = noise(2, 4, 2, 3, 3)
    apart = torch.cat([solve(solver, TOY, x[:1], 5), solve(solver, TOY, x[1:], 5)])
    assert torch.equal(solve(solver, TOY, x, 5), apart)


@every_solver
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_latents_stay_float32_with_a_denoiser_of_half_precision(solver: str, dtype: torch.dtype) -> None:
    seen = []

    def half(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x.dtype)
        return TOY(x, t).to(dtype)

    result = solve(solver, half, noise(1, 4, 2, 3, 3), 10)
    assert {*seen, result.dtype} == {torch.float32}
    assert_close(result, solve(solver, TOY, noise(1, 4, 2, 3, 3), 10), rtol=0, atol=0.02)


@every_solver
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_result_has_the_dtype_of_the_noise(solver: str, dtype: torch.dtype) -> None:
    told: list[StepInfo] = []
    result = solve(solver, lambda x, t: x.float(), noise(1, 4, 2, 3, 3).to(dtype), 4, told.append)
    assert {result.dtype} == {step.x0.dtype for step in told} == {dtype}


@every_solver
def test_the_noise_is_not_modified(solver: str) -> None:
    x = noise(1, 4, 2, 3, 3)
    solve(solver, TOY, x, 4)
    assert torch.equal(x, noise(1, 4, 2, 3, 3))


@every_solver
def test_no_gradient_is_kept(solver: str) -> None:
    weight = torch.ones((), requires_grad=True)
    assert not solve(solver, lambda x, t: weight * x, noise(1, 4, 1, 2, 2), 2).requires_grad


@every_solver
def test_everything_stays_on_the_device_of_the_noise(solver: str) -> None:
    """The meta device refuses both to meet tensors of others and to be read."""
    assert solve(solver, TOY, torch.empty(2, 4, 3, 2, 2, device="meta"), 10).device.type == "meta"


@pytest.mark.parametrize(
    ("solver", "steps", "timesteps"),
    [("ddim", 4, [751, 501, 251, 1]), ("dpm++2m", 4, [999, 749, 499, 249])],
)
def test_steps_are_reported_in_order(solver: str, steps: int, timesteps: list[int]) -> None:
    told: list[StepInfo] = []
    result = solve(solver, TOY, noise(1, 4, 2, 3, 3), steps, told.append)
    assert [(step.index, step.total, step.timestep) for step in told] == [
        (i, 4, timestep) for i, timestep in enumerate(timesteps)
    ]
    assert torch.equal(told[-1].latents, result)


def test_thirty_official_steps_are_reported_as_31() -> None:
    told: list[StepInfo] = []
    solve("ddim", TOY, noise(1, 4, 1, 2, 2), 30, told.append)
    assert {step.total for step in told} == {31} == {len(told)}


@every_solver
def test_the_reported_x0_is_the_prediction(solver: str) -> None:
    target, told = noise(1, 4, 2, 3, 3, seed=7), list[StepInfo]()
    solve(solver, lambda x, t: SCHEDULE.v_from_x0(x, target, t), noise(1, 4, 2, 3, 3), 8, told.append)
    for step in told:
        assert_close(step.x0, target, rtol=0, atol=1e-5)


@every_solver
@pytest.mark.parametrize("reason", [Cancelled("enough"), KeyboardInterrupt()])
def test_a_callback_stops_the_solver_by_raising(solver: str, reason: BaseException) -> None:
    calls = []

    def stop(step: StepInfo) -> None:
        calls.append(step.index)
        if step.index == 1:
            raise reason

    with pytest.raises(type(reason)) as caught:
        solve(solver, TOY, noise(1, 4, 1, 2, 2), 10, stop)
    assert caught.value is reason
    assert calls == [0, 1]


@pytest.fixture(params=[math.inf, 2], ids=["finished", "cancelled"])
def cancel_at(request: pytest.FixtureRequest) -> Iterator[float]:
    gc.disable()  # what is freed must be so without the help of the collector
    yield request.param
    gc.enable()


@every_solver
def test_no_tensor_outlives_the_call(solver: str, cancel_at: float) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def watch(step: StepInfo) -> None:
        alive.extend([weakref.ref(step.latents), weakref.ref(step.x0)])
        if step.index == cancel_at:
            raise Cancelled("enough")

    with suppress(Cancelled):
        solve(solver, TOY, noise(1, 4, 1, 2, 2), 5, watch)
    assert len(alive) >= 6
    assert not [tensor for tensor in alive if tensor() is not None]


@every_solver
@pytest.mark.parametrize("steps", [-1, 0, 1001])
def test_invalid_step_counts_are_rejected(solver: str, steps: int) -> None:
    with pytest.raises(InvalidInput, match=f"^steps is {steps},"):
        solve(solver, TOY, noise(1, 4, 1, 2, 2), steps)


def test_solvers_are_chosen_by_name() -> None:
    assert dict(SOLVERS) == {"ddim": ddim, "dpm++2m": dpm_solver_pp_2m}


def test_ddim_can_start_from_pure_noise() -> None:
    gaussian, x = Gaussian(mean=0.5, std=0.4), noise(1, 4, 2, 4, 4).double()
    result = ddim(gaussian, x, SCHEDULE, Timesteps(tuple(range(999, 3, -4)), 0))
    assert_close(result, gaussian.trajectory(x, 0), rtol=0, atol=0.05)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("start", "final"), [(999, 500), (700, 300), (500, 0)])
def test_solvers_lead_from_any_timestep_to_any_other(solver: Solver, start: int, final: int) -> None:
    gaussian, x = Gaussian(mean=0.5, std=0.4), noise(1, 4, 2, 4, 4).double()
    way = Timesteps(tuple(range(start, final, -4)), final)
    result = solver(gaussian, gaussian.trajectory(x, start), SCHEDULE, way)
    assert_close(result, gaussian.trajectory(x, final), rtol=0, atol=0.03)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("way", [Timesteps((400,)), Timesteps((700, 500, 400))])
def test_ending_at_clean_latents_returns_the_prediction(solver: Solver, way: Timesteps) -> None:
    target = noise(1, 4, 2, 3, 3, seed=7)
    x = SCHEDULE.noised(target, noise(1, 4, 2, 3, 3), torch.tensor(way.visited[:1]))
    result = solver(lambda x, t: SCHEDULE.v_from_x0(x, target, t), x, SCHEDULE, way)
    assert_close(result, target, rtol=0, atol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("final", [None, 500])
def test_no_timesteps_are_no_steps(solver: Solver, final: int | None) -> None:
    x = noise(1, 4, 2, 3, 3)
    assert torch.equal(solver(TOY, x, SCHEDULE, Timesteps((), final)), x)


def test_a_noisy_end_is_reached_with_second_order() -> None:
    gaussian, x = Gaussian(mean=0.5, std=0.4), noise(1, 4, 2, 4, 4).double()
    expected = gaussian.trajectory(x, 100)

    def error(stride: int) -> float:
        way = Timesteps(tuple(range(900, 100, -stride)), 100)
        result = dpm_solver_pp_2m(gaussian, gaussian.trajectory(x, 900), SCHEDULE, way)
        return (result - expected).abs().max().item()

    assert error(20) / error(10) == pytest.approx(4, rel=0.2)
