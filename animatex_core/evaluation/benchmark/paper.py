"""What the paper reports of Animate-X on A2Bench."""

from collections.abc import Mapping

from ..scores import FID, FID_VID, FVD, L1, LPIPS, PSNR_SAFE, SSIM
from .tasks import Setting

PAPER = "Animate-X on A2Bench (paper)"
_REPORTED = (PSNR_SAFE, SSIM, L1, LPIPS, FID, FID_VID, FVD)
SCORES: Mapping[Setting, Mapping[str, float]] = {
    "cross": dict(zip(_REPORTED, (13.60, 0.452, 1.02e-4, 0.430, 26.11, 32.23, 703.87), strict=True)),
    "self-driven": dict(zip(_REPORTED, (14.10, 0.463, 8.92e-5, 0.425, 31.58, 33.15, 849.19), strict=True)),
}
"""Animate-X (Tan et al. 2024), section 4.2: its tables of both settings."""
