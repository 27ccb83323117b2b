import pytest
import torch

from animatex_core.animate_x_plus.teacache import COEFFICIENTS, TeaCache, relative_change
from animatex_core.errors import InvalidInput


def growing(rate: float, steps: int) -> list[torch.Tensor]:
    return [torch.full((1, 6, 4), (1 + rate) ** step) for step in range(steps)]


def test_the_change_is_relative_to_the_step_before() -> None:
    assert relative_change(torch.tensor([2.0, -2.0]), torch.tensor([3.0, -2.0])).item() == 0.25


def test_steps_are_skipped_until_the_changes_add_up() -> None:
    # With the polynomial x, each step is 0.1 further from the last that ran.
    cache = TeaCache(8, threshold=0.25, coefficients=(1.0, 0.0))
    skipped = [cache.skips(modulation) for modulation in growing(0.1, 8)]
    assert skipped == [False, True, True, False, True, True, False, False]


def test_the_first_and_the_last_step_always_run() -> None:
    cache = TeaCache(3, threshold=9.0, coefficients=(0.0,))
    assert [cache.skips(torch.ones(1)) for _ in range(3)] == [False, True, False]
    assert not TeaCache(1, threshold=9.0).skips(torch.ones(1))


def test_a_negative_estimate_makes_the_sum_smaller() -> None:
    cache = TeaCache(4, threshold=0.05, coefficients=(-1.0,))
    assert [cache.skips(torch.ones(1)) for _ in range(4)] == [False, True, True, False]


def test_there_are_polynomials_of_four_transformers() -> None:
    assert len(COEFFICIENTS) == 4
    assert {len(values) for values in COEFFICIENTS.values()} == {5}


def test_a_negative_threshold_is_rejected() -> None:
    with pytest.raises(InvalidInput):
        TeaCache(4, threshold=-1)
