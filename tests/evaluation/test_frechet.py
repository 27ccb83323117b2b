"""Fréchet distances: identities, known values and other implementations."""

import warnings

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.evaluation.metrics.frechet import MIN_SAMPLES, GaussianStatistics, frechet_distance

from .reference import CLOSE

few = pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")


def samples(count: int, features: int, seed: int, spread: float = 1.0, mean: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(features, features, generator=generator, dtype=torch.float64) / features**0.5
    noise = torch.randn(count, features, generator=generator, dtype=torch.float64)
    return spread * noise @ mixing + mean


def gaussian(mean: Tensor, covariance: Tensor, count: int = MIN_SAMPLES) -> GaussianStatistics:
    return GaussianStatistics(count, mean.double(), covariance.double() * (count - 1))


def by_root(a: Tensor, b: Tensor) -> float:
    """The formula with scipy's matrix square root."""
    means, covariances = (
        [x.mean(0).numpy() for x in (a, b)],
        [np.cov(x.numpy(), rowvar=False) for x in (a, b)],
    )
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(sum(covariances) - 2 * root.real))


@few
@pytest.mark.parametrize(("count", "features"), [(500, 12), (7, 40), (2, 3)])
def test_equal_sets_have_distance_zero(count, features):
    found = GaussianStatistics.of(samples(count, features, 0, mean=50))
    assert frechet_distance(found, found).value == pytest.approx(
        0, abs=1e-10 * float(found.covariance().trace())
    )


@few
@pytest.mark.parametrize(("first", "second"), [(500, 700), (5, 9), (4, 600)])
def test_it_is_symmetric(first, second):
    a, b = (GaussianStatistics.of(samples(n, 20, n, 1 + n / 500)) for n in (first, second))
    assert frechet_distance(a, b).value == pytest.approx(frechet_distance(b, a).value, rel=1e-9)
    assert frechet_distance(a, b).value > 0.01


@pytest.mark.parametrize(("mean", "spread", "expected"), [(3, 1, 9), (0, 4, 9), (3, 4, 18), (-2, 0, 5)])
def test_known_values_of_gaussians_of_one_feature(mean, spread, expected):
    """Between N(0, 1) and N(m, s^2) it is m^2 + (1 - s)^2 (Dowson and Landau 1982)."""
    a = gaussian(torch.zeros(1), torch.ones(1, 1))
    b = gaussian(torch.tensor([float(mean)]), torch.tensor([[float(spread) ** 2]]))
    assert frechet_distance(a, b).value == pytest.approx(expected)


def test_known_value_of_gaussians_with_the_same_axes():
    turn, _ = torch.linalg.qr(samples(6, 6, 3))
    first, second = torch.tensor([1.0, 4, 9, 16, 25, 0]), torch.tensor([4.0, 1, 0, 36, 25, 49])
    a = gaussian(torch.zeros(6), turn @ torch.diag(first).double() @ turn.T)
    b = gaussian(torch.ones(6), turn @ torch.diag(second).double() @ turn.T)
    assert frechet_distance(a, b).value == pytest.approx(
        6 + float((first.sqrt() - second.sqrt()).square().sum())
    )


def test_known_value_of_singular_covariances():
    """Of covariances u u^T and v v^T the trace of the root is |u v|; a square root of a matrix fails here."""
    u, v = samples(2, 300, 5)
    a, b = (gaussian(torch.zeros(300), torch.outer(x, x)) for x in (u, v))
    expected = float(u @ u + v @ v - 2 * (u @ v).abs())
    assert frechet_distance(a, b).value == pytest.approx(expected, rel=1e-9)


@few
def test_values_are_those_of_a_matrix_square_root():
    a, b = samples(400, 30, 1), samples(300, 30, 2, spread=1.5, mean=0.3)
    found = frechet_distance(GaussianStatistics.of(a), GaussianStatistics.of(b)).value
    assert found == pytest.approx(by_root(a, b), rel=CLOSE)


class Identity(nn.Module):
    """Passes features through torchmetrics unchanged."""

    num_features = 16

    def forward(self, features: Tensor) -> Tensor:
        return features


@few
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_streamed_values_are_those_of_torchmetrics():
    other = FrechetInceptionDistance(feature=Identity(), input_img_size=(1, 1, 16), normalize=True)
    other.set_dtype(torch.float64)
    sets = [GaussianStatistics.empty(16), GaussianStatistics.empty(16)]
    for part in range(5):
        for real, found in enumerate(sets):
            features = samples(60, 16, part, 1 + real, real / 2)
            other.update(features, real=bool(real))
            sets[real] = found.with_samples(features)
    assert frechet_distance(sets[0], sets[1]).value == pytest.approx(float(other.compute()), rel=CLOSE)


def test_few_samples_cause_a_warning():
    a, b = (GaussianStatistics.of(samples(n, 3, n)) for n in (MIN_SAMPLES, MIN_SAMPLES - 1))
    with pytest.warns(AnimateXWarning, match="FVD rests on 2047 samples: below 2,048 it is biased"):
        assert frechet_distance(a, b, "FVD").samples == MIN_SAMPLES - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frechet_distance(a, a, "FVD").samples == MIN_SAMPLES


def test_one_sample_has_no_covariance():
    one = GaussianStatistics.of(torch.zeros(1, 4))
    with pytest.raises(InvalidInput, match="1 samples, but a covariance needs 2 or more"):
        frechet_distance(one, one)
