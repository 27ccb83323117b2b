from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from animatex_core.diffusion.schedule import NoiseSchedule, Timesteps, released_timesteps, trailing_timesteps
from animatex_core.errors import InvalidInput

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "ddim.npz")
REFUSED = {3, 9, 27, 36, 37, *range(101, 112), *range(251, 1001)}


@pytest.mark.parametrize("steps", [20, 30, 50])
def test_released_timesteps_match_the_official_code(steps: int) -> None:
    assert released_timesteps(steps).visited == tuple(REFERENCE[f"timesteps_{steps}"])


@pytest.mark.parametrize(("steps", "expected"), [(1, (1,)), (2, (501, 1)), (4, (751, 501, 251, 1))])
def test_few_released_timesteps(steps: int, expected: tuple[int, ...]) -> None:
    assert released_timesteps(steps) == Timesteps(expected, final=0)


def test_rejected_step_counts_are_those_that_reach_999() -> None:
    formula = {steps: 1 + torch.arange(0, 1000, 1000 // steps) for steps in range(1, 1001)}
    assert {steps for steps, timesteps in formula.items() if timesteps.max() >= 999} == REFUSED
    for steps in formula.keys() - REFUSED:
        assert released_timesteps(steps).visited == tuple(formula[steps].flip(0).tolist())


def test_accepted_step_counts_never_divide_by_zero() -> None:
    alphas = NoiseSchedule.released().alphas_cumprod
    for steps in set(range(1, 1001)) - REFUSED:
        assert alphas[list(released_timesteps(steps).visited)].min() > 0


@pytest.mark.parametrize(
    ("steps", "nearest"),
    [
        (-5, "1"),
        (0, "1"),
        (3, "2 or 4"),
        (27, "26 or 28"),
        (36, "35 or 38"),
        (37, "35 or 38"),
        (111, "100 or 112"),
        (251, "250"),
        (333, "250"),
        (500, "250"),
        (1000, "250"),
        (1001, "250"),
    ],
)
def test_the_error_names_the_nearest_valid_step_counts(steps: int, nearest: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^steps is {steps}, .*: use {nearest}\.$"):
        released_timesteps(steps)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, (999,)),
        (2, (999, 499)),
        (3, (999, 666, 332)),
        (4, (999, 749, 499, 249)),
        (1000, (*range(999, -1, -1),)),
    ],
)
def test_trailing_timesteps(steps: int, expected: tuple[int, ...]) -> None:
    assert trailing_timesteps(steps) == Timesteps(expected, final=None)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize("steps", [*range(1, 13), 15, 16, 20, 25, 30, 40, 50, 64, 100, 1000])
def test_trailing_timesteps_agree_with_diffusers(steps: int) -> None:
    scheduler = DPMSolverMultistepScheduler(timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    assert trailing_timesteps(steps).visited == tuple(scheduler.timesteps.tolist())


@given(st.integers(1, 1000))
def test_trailing_timesteps_have_the_requested_length_and_decrease(steps: int) -> None:
    timesteps = trailing_timesteps(steps).visited
    assert len(timesteps) == steps
    assert timesteps[0] == 999
    assert all(t > following >= 0 for t, following in pairwise(timesteps))


@pytest.mark.parametrize("steps", [-1, 0, 1001])
def test_invalid_trailing_step_counts_are_rejected(steps: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^steps is {steps}, .* use 1 to 1000 steps\.$"):
        trailing_timesteps(steps)


both_ways = pytest.mark.parametrize("way", [released_timesteps, trailing_timesteps])


@pytest.mark.parametrize(
    ("timesteps", "expected"),
    [
        (released_timesteps(4, 0.5), (376, 251, 126, 1)),
        (trailing_timesteps(4, 0.5), (499, 374, 249, 124)),
        (released_timesteps(4, 0.99), (751, 501, 251, 1)),
        (released_timesteps(27, 0.9), tuple(range(892, 0, -33))),
        (released_timesteps(60, 0.1), tuple(range(99, 0, -1))),
        (trailing_timesteps(1, 0.25), (249,)),
        (released_timesteps(30, 0.0), ()),
        (trailing_timesteps(30, 0.0), ()),
    ],
)
def test_denoise_takes_the_last_part_of_more_steps(timesteps: Timesteps, expected: tuple[int, ...]) -> None:
    assert timesteps.visited == expected


@both_ways
@given(st.integers(1, 60), st.floats(0.1, 0.99))
def test_a_part_has_at_least_the_requested_steps_and_starts_at_denoise(
    way: Callable[[int, float], Timesteps], steps: int, denoise: float
) -> None:
    timesteps = way(steps, denoise)
    assert len(timesteps) >= steps
    assert timesteps.visited[0] / 1000 == pytest.approx(denoise, abs=2 * denoise / steps + 0.002)
    assert timesteps.final == way(30, 1.0).final


@both_ways
@pytest.mark.parametrize(
    ("steps", "denoise", "message"),
    [
        (30, 1.1, "denoise is 1.1"),
        (30, -0.1, "denoise is -0.1"),
        (30, float("nan"), "denoise is nan"),
        (600, 0.5, "steps is 600 at a denoise of 0.5.* use 1 to 500 steps"),
        (0, 0.5, "steps is 0"),
        (0, 0.0, "steps is 0"),
    ],
)
def test_invalid_denoise_is_rejected(
    way: Callable[[int, float], Timesteps], steps: int, denoise: float, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        way(steps, denoise)


@pytest.mark.parametrize(
    ("visited", "final"), [((), None), ((), 0), ((0,), None), ((999, 0), None), ((1,), 0)]
)
def test_decreasing_timesteps_are_accepted(visited: tuple[int, ...], final: int | None) -> None:
    assert len(Timesteps(visited, final)) == len(visited)


@pytest.mark.parametrize(
    ("visited", "final"),
    [
        ((1000,), None),
        ((5, 5), None),
        ((5, 6), None),
        ((5,), 5),
        ((5,), 6),
        ((5, -1), None),
        ((5,), -1),
        ((), 1000),
    ],
)
def test_other_timesteps_are_rejected(visited: tuple[int, ...], final: int | None) -> None:
    with pytest.raises(InvalidInput, match="falling order"):
        Timesteps(visited, final)
