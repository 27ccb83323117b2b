"""The metrics' names, and what they come to."""

from dataclasses import dataclass

import numpy as np

PSNR, PSNR_SAFE, SSIM, L1, LPIPS = "PSNR", "PSNR*", "SSIM", "L1", "LPIPS"  # means over frames
FID, FID_VID, FVD = "FID", "FID-VID", "FVD"  # Frechet distances of sets

PIXEL_METRICS = (PSNR, PSNR_SAFE, SSIM, L1)
METRICS = (*PIXEL_METRICS, LPIPS, FID, FID_VID, FVD)  # in the order of the paper's tables
HIGHER_IS_BETTER = frozenset({PSNR, PSNR_SAFE, SSIM})  # of the others, lower is


@dataclass(frozen=True)
class Score:
    """value: in the unit of its metric. samples: frames, or windows of frames, that it rests on."""

    value: float
    samples: int


@dataclass(frozen=True)
class Average:
    """A mean over values that come in parts."""

    count: int = 0
    total: float = 0.0

    def with_values(self, values: np.ndarray) -> "Average":
        """Return the mean over these and more values (n,)."""
        return Average(self.count + len(values), self.total + float(values.sum()))

    def score(self) -> Score:
        """Return the mean; there must be a value."""
        return Score(self.total / self.count, self.count)
