from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from animatex_core.diffusion.schedule import NoiseSchedule
from animatex_core.diffusion.timesteps import released_timesteps, trailing_timesteps
from animatex_core.errors import InvalidInput

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "ddim.npz")
REFUSED = {3, 9, 27, 36, 37, *range(101, 112), *range(251, 1001)}


@pytest.mark.parametrize("steps", [20, 30, 50])
def test_released_timesteps_are_those_of_the_released_code(steps: int) -> None:
    assert released_timesteps(steps) == REFERENCE[f"timesteps_{steps}"].tolist()


@pytest.mark.parametrize(("steps", "expected"), [(1, [1]), (2, [501, 1]), (4, [751, 501, 251, 1])])
def test_few_released_timesteps(steps: int, expected: list[int]) -> None:
    assert released_timesteps(steps) == expected


def test_what_is_refused_is_where_the_released_formula_reaches_999() -> None:
    formula = {steps: 1 + torch.arange(0, 1000, 1000 // steps) for steps in range(1, 1001)}
    assert {steps for steps, timesteps in formula.items() if timesteps.max() >= 999} == REFUSED
    for steps in formula.keys() - REFUSED:
        assert released_timesteps(steps) == formula[steps].flip(0).tolist()


def test_every_count_that_is_not_refused_has_room_to_divide() -> None:
    alphas = NoiseSchedule.released().alphas_cumprod
    for steps in set(range(1, 1001)) - REFUSED:
        assert alphas[released_timesteps(steps)].min() > 0


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
def test_a_refusal_names_the_nearest_counts_that_work(steps: int, nearest: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^steps is {steps}, .*: take {nearest}\.$"):
        released_timesteps(steps)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, [999]),
        (2, [999, 499]),
        (3, [999, 666, 332]),
        (4, [999, 749, 499, 249]),
        (1000, [*range(999, -1, -1)]),
    ],
)
def test_trailing_timesteps(steps: int, expected: list[int]) -> None:
    assert trailing_timesteps(steps) == expected


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
@pytest.mark.parametrize("steps", [*range(1, 13), 15, 16, 20, 25, 30, 40, 50, 64, 100, 1000])
def test_trailing_timesteps_agree_with_diffusers(steps: int) -> None:
    scheduler = DPMSolverMultistepScheduler(timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    assert trailing_timesteps(steps) == scheduler.timesteps.tolist()


@given(st.integers(1, 1000))
def test_trailing_timesteps_are_as_many_as_asked_and_fall(steps: int) -> None:
    timesteps = trailing_timesteps(steps)
    assert len(timesteps) == steps
    assert timesteps[0] == 999
    assert all(t > following >= 0 for t, following in pairwise(timesteps))


@pytest.mark.parametrize("steps", [-1, 0, 1001])
def test_trailing_step_counts_that_cannot_be_are_refused(steps: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^steps is {steps}, .* take 1 to 1000 steps\.$"):
        trailing_timesteps(steps)
