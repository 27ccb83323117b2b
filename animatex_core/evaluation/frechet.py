"""The Frechet distance between two Gaussians: FID, FID-VID and FVD differ only in the features they take."""

import warnings

import torch
from torch import Tensor

from ..errors import AnimateXWarning
from .gaussian import GaussianStatistics
from .scores import Score

FEWEST = 2048  # samples; with fewer than Inception has features, the covariance of FID has no full rank


def frechet_distance(a: GaussianStatistics, b: GaussianStatistics, name: str = "the distance") -> Score:
    """Squared Frechet distance |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al. 2017, eq. 6).

    In float64, 0 or more, with the number of samples in the smaller set. Few samples bias it upwards: below
    2,048 an AnimateXWarning names the metric and their number. name: of the metric, for that warning.
    Raises InvalidInput below two samples.
    """
    first, second = a.covariance(), b.covariance()
    samples = min(a.count, b.count)
    if samples < FEWEST:
        warnings.warn(
            AnimateXWarning(
                f"{name} rests on {samples} samples: below {FEWEST:,} it is biased upwards, so compare it "
                "only with values from as many."
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
