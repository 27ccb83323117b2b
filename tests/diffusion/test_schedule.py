from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from animatex_core.diffusion.schedule import TIMESTEPS, NoiseSchedule
from tests.diffusion.toy import SCHEDULE, noise

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "ddim.npz")
X0, EPS = noise(2, 4, 3, 2, 2, seed=1), noise(2, 4, 3, 2, 2, seed=2)


def test_released_schedule_matches_the_official_code() -> None:
    expected = torch.from_numpy(REFERENCE["alphas_cumprod"])
    assert_close(SCHEDULE.alphas_cumprod, expected, rtol=1e-14, atol=1e-15)
    assert SCHEDULE.alphas_cumprod[-1] == 0


def test_released_schedule_keeps_its_first_value_and_decreases() -> None:
    assert SCHEDULE.alphas_cumprod[0].item() == pytest.approx(1 - 0.00085, abs=1e-15)
    assert (SCHEDULE.alphas_cumprod.diff() < 0).all()


@pytest.mark.parametrize("table", [torch.ones(1000), torch.ones(999, dtype=torch.float64)])
def test_a_table_of_another_dtype_or_length_is_an_assertion(table: torch.Tensor) -> None:
    with pytest.raises(AssertionError):
        NoiseSchedule(table)


@given(st.integers(0, TIMESTEPS - 1), st.integers(0, TIMESTEPS - 1))
def test_v_recovers_latents_and_noise(first: int, second: int) -> None:
    t = torch.tensor([first, second])
    x, v = SCHEDULE.noised(X0, EPS, t), SCHEDULE.v_from_noise(X0, EPS, t)
    assert_close(SCHEDULE.x0_from_v(x, v, t), X0)
    assert_close(SCHEDULE.eps_from_v(x, v, t), EPS)


@given(st.integers(0, TIMESTEPS - 1))
def test_v_from_x0_is_the_inverse_of_x0_from_v(timestep: int) -> None:
    t = torch.tensor([timestep, TIMESTEPS - 1])
    v = SCHEDULE.v_from_x0(EPS, X0, t)
    assert_close(SCHEDULE.x0_from_v(EPS, v, t), X0)


def test_the_last_timestep_is_pure_noise_and_its_v_is_minus_x0() -> None:
    t = torch.tensor([999, 999])
    assert torch.equal(SCHEDULE.noised(X0, EPS, t), EPS)
    assert torch.equal(SCHEDULE.v_from_noise(X0, EPS, t), -X0)


def test_each_clip_of_a_batch_has_its_own_timestep() -> None:
    both = SCHEDULE.noised(X0, EPS, torch.tensor([10, 900]))
    assert torch.equal(both[:1], SCHEDULE.noised(X0[:1], EPS[:1], torch.tensor([10])))
    assert torch.equal(both[1:], SCHEDULE.noised(X0[1:], EPS[1:], torch.tensor([900])))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_latents_keep_their_dtype(dtype: torch.dtype) -> None:
    x = SCHEDULE.noised(X0.to(dtype), EPS.to(dtype), torch.tensor([0, 500]))
    assert x.dtype == dtype
    assert_close(x.float(), SCHEDULE.noised(X0, EPS, torch.tensor([0, 500])), rtol=0.02, atol=0.02)
