"""The pixel metrics PSNR, PSNR*, SSIM and L1, and checks of the clips that are compared."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...errors import InvalidInput

PEAK = 255.0
IDENTICAL_DB = 100.0  # dB for identical frames, as in DisCo, so that the mean over frames stays finite
WINDOW = 7  # pixels, the window of scikit-image's SSIM
K1, K2 = 0.01, 0.03  # SSIM, Wang et al. 2004, section III.B


def check_frames(frames: np.ndarray) -> None:
    """Check that an array is a clip.

    Args:
        frames: (f, h, w, 3) uint8 in RGB, at least one frame.

    Raises:
        InvalidInput: The dtype or the shape is another.

    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise InvalidInput(
            f"The clip has dtype {frames.dtype} and shape {frames.shape}, but it must be uint8 with shape "
            "(frames, height, width, 3) in RGB order: convert it first."
        )


def check_pair(generated: np.ndarray, real: np.ndarray, smallest: int = 1) -> None:
    """Check that two clips can be compared.

    Args:
        generated: (f, h, w, 3) uint8.
        real: Likewise, with the same shape.
        smallest: Minimum width and height in pixels.

    Raises:
        InvalidInput: One is not a clip, the shapes differ, or the frames are too small.

    """
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
    """Convert frames (f, h, w, 3) uint8 to (f, 3, h, w) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255


def psnr(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """PSNR without overflow, the PSNR* of the paper.

    Args:
        generated: (f, h, w, 3) uint8.
        real: Likewise, with the same shape.

    Returns:
        (f,) in dB, 100 for identical frames.

    Raises:
        InvalidInput: The arrays are not clips of the same shape.

    """
    check_pair(generated, real)
    return _decibels(np.square(generated.astype(np.int32) - real))


def psnr_overflowing(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """PSNR with uint8 overflow, as DisCo computed it until April 2024 and many papers report it.

    Differences and their squares wrap around at 256 (DisCo's issue 86). The value does not measure quality
    and is only provided for comparison with published numbers.

    Arguments, result and errors are those of `psnr`.
    """
    check_pair(generated, real)
    return _decibels(np.square(generated - real))


def ssim(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """SSIM (Wang et al. 2004) of the luma of each frame.

    As in DisCo: OpenCV's greyscale conversion, then scikit-image's defaults, a uniform window of 7 x 7 pixels
    that lies inside the image, and sample covariances (over n - 1). torchmetrics supports neither.

    Args:
        generated: (f, h, w, 3) uint8.
        real: Likewise, with the same shape.

    Returns:
        (f,), at most 1.

    Raises:
        InvalidInput: The arrays are not clips of the same shape, or the frames are smaller than the window.

    """
    check_pair(generated, real, WINDOW)
    return np.array([_ssim_of(luma(a), luma(b)) for a, b in zip(generated, real, strict=True)])


def l1(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Mean absolute difference in the scale of the paper, which prints values such as "1.02E-04".

    The scale is DisCo's: the mean of |a - b| in 0..255 over pixels and channels is divided by the number of
    pixels h * w, so it depends on the resolution. We infer that the paper measured at 512 x 768: its 1.02E-04
    is then a mean of 40 levels, which is consistent with its PSNR* of 13.60 dB, a root mean square of 53.

    Args:
        generated: (f, h, w, 3) uint8.
        real: Likewise, with the same shape.

    Returns:
        (f,), 0 or more.

    Raises:
        InvalidInput: The arrays are not clips of the same shape.

    """
    check_pair(generated, real)
    difference = np.abs(generated.astype(np.int32) - real)
    return difference.mean(axis=(1, 2, 3)) / (real.shape[1] * real.shape[2])


def luma(frame: np.ndarray) -> np.ndarray:
    """Convert an RGB frame (h, w, 3) uint8 to luma (h, w) uint8: BT.601 in OpenCV's 15-bit fixed point."""
    red, green, blue = np.moveaxis(frame.astype(np.int32), -1, 0)
    grey = (9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15
    return grey.astype(np.uint8)


def _decibels(squares: np.ndarray) -> np.ndarray:
    error = squares.mean(axis=(1, 2, 3))
    decibels = 10 * np.log10(PEAK**2 / np.where(error == 0, PEAK**2, error))
    return np.where(error == 0, IDENTICAL_DB, decibels)


def _ssim_of(a: np.ndarray, b: np.ndarray) -> float:
    """Equation 13 of Wang et al., averaged over windows; float64 because of small differences of squares."""
    x, y = (torch.from_numpy(grey).double() for grey in (a, b))
    mean_x, mean_y = _window_means(x), _window_means(y)
    sample = WINDOW**2 / (WINDOW**2 - 1)
    variances = sample * (_window_means(x * x + y * y) - mean_x**2 - mean_y**2)
    covariance = sample * (_window_means(x * y) - mean_x * mean_y)
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return float((above / below).mean())


def _window_means(image: Tensor) -> Tensor:
    return avg_pool2d(image[None], WINDOW, stride=1)[0]
