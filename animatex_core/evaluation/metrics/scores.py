"""Names of the metrics, and their values."""

from dataclasses import dataclass

import numpy as np

PSNR, PSNR_SAFE, SSIM, L1, LPIPS = "PSNR", "PSNR*", "SSIM", "L1", "LPIPS"  # means over frames
FID, FID_VID, FVD = "FID", "FID-VID", "FVD"  # Fréchet distances between sets

PIXEL_METRICS = (PSNR, PSNR_SAFE, SSIM, L1)
METRICS = (*PIXEL_METRICS, LPIPS, FID, FID_VID, FVD)  # in the order of the paper's tables
HIGHER_IS_BETTER = frozenset({PSNR, PSNR_SAFE, SSIM})  # for the others, lower is better


@dataclass(frozen=True)
class Score:
    """The value of a metric, and the number of frames or windows that it is computed from."""

    value: float
    samples: int


@dataclass(frozen=True)
class Average:
    """A running mean."""

    count: int = 0
    total: float = 0.0

    def with_values(self, values: np.ndarray) -> "Average":
        """Return the running mean with additional values (n,)."""
        return Average(self.count + len(values), self.total + float(values.sum()))

    def score(self) -> Score:
        """Return the mean; requires at least one value."""
        return Score(self.total / self.count, self.count)
