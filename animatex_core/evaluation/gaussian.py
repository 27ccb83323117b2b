"""Mean and covariance of any number of samples in constant memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput


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
