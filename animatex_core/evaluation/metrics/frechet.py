"""The Fréchet distance between Gaussian fits to two sets of features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InvalidInput, warn
from .scores import Score

MIN_SAMPLES = 2048  # with fewer samples than Inception has features, the covariance of FID is singular


def require_finite(samples: Tensor) -> None:
    """Raise InvalidInput if samples (n, d) are empty or not all finite."""
    assert samples.ndim == 2
    if not len(samples) or not samples.isfinite().all():
        raise InvalidInput(
            f"Features of shape {tuple(samples.shape)} are empty or not all finite, but the metric needs "
            "finite values: check the clip and the weights of the network."
        )


@dataclass(frozen=True)
class GaussianStatistics:
    """Running mean and scatter of samples with d features, in float64 on the CPU.

    Attributes:
        count: Number of samples.
        mean: (d,).
        scatter: (d, d), sum of outer products of the deviations from the mean. Unlike a sum of squares it
            does not suffer from cancellation where the mean is far from zero.

    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def empty(cls, features: int) -> "GaussianStatistics":
        """Return the statistics of zero samples."""
        zeros = torch.zeros(features, features, dtype=torch.float64)
        return cls(0, zeros.new_zeros(features), zeros)

    @classmethod
    def of(cls, samples: Tensor) -> "GaussianStatistics":
        """Return the statistics of samples (n, d).

        Raises:
            InvalidInput: There are no samples, or some values are not finite.

        """
        samples = samples.detach().double().cpu()
        require_finite(samples)
        mean = samples.mean(dim=0)
        deviations = samples - mean
        return cls(len(samples), mean, deviations.T @ deviations)

    def merged(self, other: "GaussianStatistics") -> "GaussianStatistics":
        """Return the statistics of the union of both sets (Chan, Golub and LeVeque 1983, equation 2.1)."""
        count = self.count + other.count
        if not count:
            return self
        offset = other.mean - self.mean
        mean = self.mean + offset * (other.count / count)
        weight = self.count * other.count / count
        scatter = self.scatter + other.scatter + weight * torch.outer(offset, offset)
        return GaussianStatistics(count, mean, scatter)

    def with_samples(self, samples: Tensor) -> "GaussianStatistics":
        """Return the statistics with additional samples (n, d)."""
        return self.merged(GaussianStatistics.of(samples))

    def covariance(self) -> Tensor:
        """Return the unbiased covariance (d, d), as numpy's `cov`.

        Raises:
            InvalidInput: There are fewer than two samples.

        """
        if self.count < 2:
            raise InvalidInput(
                f"There are {self.count} samples, but a covariance needs 2 or more: evaluate more clips."
            )
        return self.scatter / (self.count - 1)


def frechet_distance(a: GaussianStatistics, b: GaussianStatistics, name: str = "the distance") -> Score:
    """Squared Fréchet distance |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al. 2017, eq. 6).

    Few samples bias the value upwards: an AnimateXWarning is issued below 2,048 samples.

    Args:
        a: Statistics of one set.
        b: Statistics of the other set.
        name: Name of the metric for the warning.

    Returns:
        The distance, computed in float64, with the number of samples in the smaller set.

    Raises:
        InvalidInput: A set has fewer than two samples.

    """
    first, second = a.covariance(), b.covariance()
    samples = min(a.count, b.count)
    if samples < MIN_SAMPLES:
        warn(
            f"{name} rests on {samples} samples: below {MIN_SAMPLES:,} it is biased upwards, so compare "
            "it only with values from the same number of samples."
        )
    offset = (a.mean - b.mean).square().sum()
    value = float(offset + first.trace() + second.trace() - 2 * _trace_of_root(first, second))
    return Score(max(value, 0.0), samples)  # rounding may give slightly negative values for equal sets


def _trace_of_root(a: Tensor, b: Tensor) -> Tensor:
    """Return the trace of (A B)^(1/2) as the sum of the singular values of A^(1/2)^T B^(1/2).

    This avoids square roots of tiny eigenvalues of A B. With singular covariances (fewer samples than
    features) they would turn rounding errors of 1e-16 into 1e-8 in every missing direction.
    """
    return torch.linalg.svdvals(_factor(a).T @ _factor(b)).sum()


def _factor(covariance: Tensor) -> Tensor:
    """Return F (d, r) with F F^T equal to the covariance (d, d) of numerical rank r."""
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[-1] * len(values) * torch.finfo(values.dtype).eps
    significant = values > noise
    return vectors[:, significant] * values[significant].sqrt()
