"""Means and covariances of samples that are added in parts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animatex_core.errors import InvalidInput
from animatex_core.evaluation.metrics.frechet import GaussianStatistics

from .formula_weights import scattered


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_parts_add_up_to_the_whole(sizes, seed):
    whole = scattered(5 * (sum(sizes) + 1), seed).reshape(-1, 5)
    found = GaussianStatistics.empty(5)
    for part in whole.split([*sizes, 1]):
        found = found.with_samples(part)
    assert found.count == len(whole)
    assert found.mean.numpy() == pytest.approx(whole.mean(0).numpy(), abs=1e-12)
    assert found.covariance().numpy() == pytest.approx(np.cov(whole.numpy(), rowvar=False), abs=1e-12)


def test_no_cancellation_far_from_zero():
    near_zero = scattered(4000, 1).reshape(1000, 4)
    found = GaussianStatistics.empty(4)
    for part in (near_zero + 1e7).split(100):
        found = found.with_samples(part)
    assert found.covariance().numpy() == pytest.approx(
        np.cov(near_zero.numpy(), rowvar=False), rel=1e-6, abs=1e-7
    )


def test_sets_merge_in_any_order():
    a, b = (GaussianStatistics.of(scattered(60, seed).reshape(20, 3)) for seed in (1, 2))
    there, back = a.merged(b), b.merged(a)
    assert there.mean.numpy() == pytest.approx(back.mean.numpy())
    assert there.scatter.numpy() == pytest.approx(back.scatter.numpy())
    nothing = GaussianStatistics.empty(3)
    assert nothing.merged(nothing).count == 0
    assert torch.equal(nothing.merged(a).scatter, a.scatter)


def test_memory_does_not_grow_with_samples():
    found = GaussianStatistics.empty(3)
    for seed in range(20):
        found = found.with_samples(scattered(300, seed).reshape(100, 3))
    assert found.count == 2000
    assert (found.mean.shape, found.scatter.shape) == ((3,), (3, 3))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(value):
    with pytest.raises(InvalidInput, match=r"not all finite.*check the clip"):
        GaussianStatistics.of(torch.tensor([[1.0, value]]))
