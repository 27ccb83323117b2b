"""Metrics of pixels for every frame, PSNR, PSNR*, SSIM and L1, and checks of what is compared."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...errors import InvalidInput


def check_frames(frames: np.ndarray) -> None:
    """Raise InvalidInput unless `frames` is a clip: (f, h, w, 3) uint8 in RGB order, at least one frame."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise InvalidInput(
            f"A clip to be measured is an array of {frames.dtype} with shape {frames.shape}, but it must be "
            "uint8 with shape (frames, height, width, 3) in RGB order: convert it first."
        )


def check_pair(generated: np.ndarray, real: np.ndarray, smallest: int = 1) -> None:
    """Raise InvalidInput unless both are clips of one size, with sides of at least `smallest`, and length."""
    check_frames(generated)
    check_frames(real)
    if generated.shape != real.shape:
        raise InvalidInput(
            f"The generated clip has shape {generated.shape} and the real one {real.shape}, but they are "
            "compared pixel by pixel: cut and resize one to the other."
        )
    height, width = real.shape[1:3]
    if min(height, width) < smallest:
        raise InvalidInput(
            f"The frames are {width} x {height} pixels, but this metric needs {smallest} x {smallest} or "
            "more: measure larger frames."
        )


def unit_frames(frames: np.ndarray) -> Tensor:
    """(f, h, w, 3) uint8 -> (f, 3, h, w) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255


PEAK = 255.0
IDENTICAL = 100.0  # dB that DisCo gives frames without any error, so that the mean over frames stays finite
WINDOW = 7  # pixels, the window of scikit-image's SSIM
K1, K2 = 0.01, 0.03  # SSIM, Wang et al. 2004, section III.B


def psnr_overflowing(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """PSNR in dB as DisCo computed it until April 2024, and many papers report it: (f,), 100 without error.

    Differences and their squares wrap around at 256, since the arrays are uint8 (its issue 86). It measures
    no quality; it is here to compare with published numbers. Clips (f, h, w, 3) uint8; raises InvalidInput
    for others.
    """
    check_pair(generated, real)
    return _decibels(np.square(generated - real))


def psnr(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """PSNR in dB without overflow, the PSNR* of the paper: (f,), 100 for frames without error.

    Clips (f, h, w, 3) uint8; raises InvalidInput for others.
    """
    check_pair(generated, real)
    return _decibels(np.square(generated.astype(np.int32) - real))


def ssim(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """SSIM (Wang et al. 2004) of the luma of each frame: (f,), at most 1.

    As DisCo has it: OpenCV's grey, then scikit-image's defaults, which are a uniform window of 7 x 7 pixels,
    wholly inside of the picture, and covariances of a sample (over n - 1). torchmetrics has neither.
    Clips (f, h, w, 3) uint8; raises InvalidInput for others and for frames smaller than the window.
    """
    check_pair(generated, real, WINDOW)
    return np.array([_ssim_of(luma(a), luma(b)) for a, b in zip(generated, real, strict=True)])


def l1(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Absolute difference, scaled as in the paper, which prints it as "1.02E-04": (f,), 0 or more.

    DisCo's scale: the mean over pixels and channels of |a - b| in 0..255, divided by the number h * w of
    pixels; so it depends on the resolution. That the paper measured at 512 x 768 is our inference: there its
    1.02E-04 is a mean of 40 levels, which goes with its PSNR* of 13.60 dB, a root mean square of 53.
    Clips (f, h, w, 3) uint8; raises InvalidInput for others.
    """
    check_pair(generated, real)
    difference = np.abs(generated.astype(np.int32) - real)
    return difference.mean(axis=(1, 2, 3)) / (real.shape[1] * real.shape[2])


def luma(frame: np.ndarray) -> np.ndarray:
    """Grey (h, w) uint8 of an RGB frame (h, w, 3): ITU-R BT.601 in OpenCV's fixed point of 15 bits."""
    red, green, blue = np.moveaxis(frame.astype(np.int32), -1, 0)
    grey = (9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15
    return grey.astype(np.uint8)


def _decibels(squares: np.ndarray) -> np.ndarray:
    error = squares.mean(axis=(1, 2, 3))
    decibels = 10 * np.log10(PEAK**2 / np.where(error == 0, PEAK**2, error))
    return np.where(error == 0, IDENTICAL, decibels)


def _ssim_of(a: np.ndarray, b: np.ndarray) -> float:
    """Equation 13 of Wang et al., mean over the windows; in doubles, for its small differences of squares."""
    x, y = (torch.from_numpy(grey).double() for grey in (a, b))
    mean_x, mean_y = _window_means(x), _window_means(y)
    sample = WINDOW**2 / (WINDOW**2 - 1)
    variances = sample * (_window_means(x * x + y * y) - mean_x**2 - mean_y**2)
    covariance = sample * (_window_means(x * y) - mean_x * mean_y)
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return float((above / below).mean())


def _window_means(picture: Tensor) -> Tensor:
    return avg_pool2d(picture[None], WINDOW, stride=1)[0]
