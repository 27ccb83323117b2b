"""What the paper reports of Animate-X on A2Bench."""

from collections.abc import Iterable, Mapping

from ..scores import FID, FID_VID, FVD, L1, LPIPS, PSNR_SAFE, SSIM
from .tasks import Setting

PAPER = "Animate-X on A2Bench (paper)"
_REPORTED = (PSNR_SAFE, SSIM, L1, LPIPS, FID, FID_VID, FVD)
SCORES: Mapping[Setting, Mapping[str, float]] = {
    "cross": dict(zip(_REPORTED, (13.60, 0.452, 1.02e-4, 0.430, 26.11, 32.23, 703.87), strict=True)),
    "self-driven": dict(zip(_REPORTED, (14.10, 0.463, 8.92e-5, 0.425, 31.58, 33.15, 849.19), strict=True)),
}
"""Animate-X (Tan et al. 2024), tables 1 and 2."""

_ABLATION: Mapping[str, tuple[float, ...]] = {
    "without IPI": (13.30, 0.433, 1.35e-4, 0.454, 32.56, 64.31, 893.31),
    "without learnable query": (13.48, 0.445, 1.76e-4, 0.454, 28.24, 42.74, 754.37),
    "without keypoint query": (13.39, 0.445, 1.01e-4, 0.456, 30.33, 62.34, 913.33),
    "without EPI": (12.63, 0.403, 1.80e-4, 0.509, 42.17, 58.17, 948.25),
    "without realignment": (12.27, 0.433, 1.17e-4, 0.434, 34.60, 49.33, 860.25),
    "without rescaling": (13.23, 0.438, 1.21e-4, 0.464, 27.64, 35.95, 721.11),
}


def rows(setting: Setting, systems: Iterable[str]) -> dict[str, Mapping[str, float]]:
    """Return what the paper reports in a setting: its method, and the variants that are among the systems.

    Variants are those of table 4, which is in the cross setting, by names such as `without EPI`.
    """
    told = {PAPER: SCORES[setting]}
    if setting != "cross":
        return told
    variants = (name for name in systems if name in _ABLATION)
    return told | {
        f"{name}, on A2Bench (paper)": dict(zip(_REPORTED, _ABLATION[name], strict=True)) for name in variants
    }
