"""The Frechet distance between two Gaussians, estimated from any number of samples."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import AnimateXWarning, InvalidInput
from .scores import Score


@dataclass(frozen=True)
class GaussianStatistics:
    """What a Frechet distance asks of a set of samples of `d` features, in float64 on the CPU.

    count: how many samples. mean: (d,). scatter: (d, d), the sum of outer products of deviations from the
    mean; kept instead of the sum of squares, so that nothing cancels where the mean is far from zero.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def empty(cls, features: int) -> "GaussianStatistics":
        """Return the statistics of no sample."""
        zeros = torch.zeros(features, features, dtype=torch.float64)
        return cls(0, zeros.new_zeros(features), zeros)

    @classmethod
    def of(cls, samples: Tensor) -> "GaussianStatistics":
        """Return the statistics of samples (n, d); raises InvalidInput for values that are not finite."""
        samples = samples.detach().double().cpu()
        assert samples.ndim == 2
        if not len(samples) or not samples.isfinite().all():
            raise InvalidInput(
                f"Features of shape {tuple(samples.shape)} are empty or not all finite, but each sample must "
                "be finite numbers: check the clip and the weights of the network."
            )
        mean = samples.mean(dim=0)
        deviations = samples - mean
        return cls(len(samples), mean, deviations.T @ deviations)

    def merged(self, other: "GaussianStatistics") -> "GaussianStatistics":
        """Return the statistics of both sets together (Chan, Golub and LeVeque 1983, equation 2.1)."""
        count = self.count + other.count
        if not count:
            return self
        away = other.mean - self.mean
        mean = self.mean + away * (other.count / count)
        weight = self.count * other.count / count
        return GaussianStatistics(
            count, mean, self.scatter + other.scatter + weight * torch.outer(away, away)
        )

    def with_samples(self, samples: Tensor) -> "GaussianStatistics":
        """Return the statistics of these and more samples (n, d)."""
        return self.merged(GaussianStatistics.of(samples))

    def covariance(self) -> Tensor:
        """(d, d), unbiased (over n - 1), as numpy's `cov`; raises InvalidInput below two samples."""
        if self.count < 2:
            raise InvalidInput(
                f"There are {self.count} samples, but a covariance needs 2 or more: measure more clips."
            )
        return self.scatter / (self.count - 1)


MIN_SAMPLES = 2048  # samples; with fewer than Inception has features, the covariance of FID has no full rank


def frechet_distance(a: GaussianStatistics, b: GaussianStatistics, name: str = "the distance") -> Score:
    """Squared Frechet distance |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al. 2017, eq. 6).

    In float64, 0 or more, with the number of samples in the smaller set. Few samples bias it upwards: below
    2,048 an AnimateXWarning names the metric and their number. name: of the metric, for that warning.
    Raises InvalidInput below two samples.
    """
    first, second = a.covariance(), b.covariance()
    samples = min(a.count, b.count)
    if samples < MIN_SAMPLES:
        warnings.warn(
            AnimateXWarning(
                f"{name} rests on {samples} samples: below {MIN_SAMPLES:,} it is biased upwards, so compare "
                "it only with values from as many."
            ),
            stacklevel=2,
        )
    offset = (a.mean - b.mean).square().sum()
    value = float(offset + first.trace() + second.trace() - 2 * _trace_of_root(first, second))
    return Score(max(value, 0.0), samples)  # rounding may leave equal sets a hair below 0


def _trace_of_root(a: Tensor, b: Tensor) -> Tensor:
    """Trace of (A B)^(1/2), as the sum of the singular values of A^(1/2)^T B^(1/2).

    No square root of a small eigenvalue of a product is taken, which would turn rounding of 1e-16 into 1e-8
    in each of the directions that a singular covariance (fewer samples than features) lacks.
    """
    return torch.linalg.svdvals(_factor(a).T @ _factor(b)).sum()


def _factor(covariance: Tensor) -> Tensor:
    """(d, r) whose product with its transpose is the covariance (d, d) of numerical rank r."""
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[-1] * len(values) * torch.finfo(values.dtype).eps
    seen = values > noise
    return vectors[:, seen] * values[seen].sqrt()
