"""OpenCV's bilinear resize and axis-aligned warp of uint8 images, in numpy.

DWPose's official code prepares model inputs with OpenCV, whose rounding is reproduced here. Both operations
are separable and only touch the rows and columns that they need. Results are (3, h, w), as models take them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BAND = 32  # rows per step, so that intermediate results stay in the CPU cache
COEFFICIENT_BITS = 11  # of the fixed-point weights in cv2.resize


@dataclass(frozen=True)
class Taps:
    """The two neighbours from which each position along one axis is interpolated.

    Attributes:
        indices: (2, n) of the neighbours, always inside the image.
        weights: (2, n).

    """

    indices: np.ndarray
    weights: np.ndarray

    def bands(self) -> Iterator["Taps"]:
        """Split into runs of up to BAND positions."""
        for start in range(0, self.indices.shape[1], BAND):
            band = slice(start, start + BAND)
            yield Taps(self.indices[:, band], self.weights[:, band])

    def by_channel(self) -> "Taps":
        """Return the taps for interleaved pixels of three channels, ordered channel by channel."""
        indices = [self.indices * 3 + channel for channel in range(3)]
        return Taps(np.concatenate(indices, axis=1), np.tile(self.weights, 3))


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image, identical to cv2.resize with INTER_LINEAR.

    Args:
        image: (h, w, 3) uint8.
        width: In pixels.
        height: In pixels.

    Returns:
        (3, height, width), channels first.

    """
    columns = _resize_taps(image.shape[1], width, clamped=True).by_channel()
    rows = _resize_taps(image.shape[0], height, clamped=False)
    return np.concatenate([_resized_band(image, columns, band) for band in rows.bands()], axis=1)


def warp(
    image: np.ndarray, origin: tuple[float, float], step: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Sample an image at origin + step * (x, y), black outside, as cv2.warpAffine of OpenCV 5 does.

    Args:
        image: (h, w, 3) uint8.
        origin: x and y in pixels of the image.
        step: x and y in pixels of the image.
        size: Width and height of the result.

    Returns:
        (3, height, width) uint8.

    """
    columns = _warp_taps(image.shape[1], origin[0], step[0], size[0]).by_channel()
    rows = _warp_taps(image.shape[0], origin[1], step[1], size[1])
    return np.concatenate([_warped_band(image, columns, band) for band in rows.bands()], axis=1)


def _resized_band(image: np.ndarray, columns: Taps, rows: Taps) -> np.ndarray:
    lines, (above, below) = _mixed_lines(image, columns, rows)
    lines >>= 4  # OpenCV drops these bits, and 16 more below, to stay within 16-bit numbers
    mixed = lines[above] * rows.weights[0][:, None] >> 16
    mixed += lines[below] * rows.weights[1][:, None] >> 16
    return _channels_first((mixed + 2) >> 2)


def _warped_band(image: np.ndarray, columns: Taps, rows: Taps) -> np.ndarray:
    lines, (above, below) = _mixed_lines(image, columns, rows)
    mixed = lines[above] * rows.weights[0][:, None]
    mixed += lines[below] * rows.weights[1][:, None]
    return _channels_first(np.rint(mixed))


def _mixed_lines(image: np.ndarray, columns: Taps, rows: Taps) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines that `rows` need, interpolated along x (lines, 3 * n), and their indices (2, rows)."""
    used, places = np.unique(rows.indices, return_inverse=True)
    lines = image[used].reshape(len(used), -1)
    mixed = lines.take(columns.indices[0], axis=1) * columns.weights[0]
    mixed += lines.take(columns.indices[1], axis=1) * columns.weights[1]
    return mixed, places.reshape(rows.indices.shape)


def _channels_first(rows: np.ndarray) -> np.ndarray:
    """Reshape (h, 3 * w) to (3, h, w) uint8."""
    return rows.astype(np.uint8).reshape(len(rows), 3, -1).swapaxes(0, 1)


def _resize_taps(pixels: int, size: int, *, clamped: bool) -> Taps:
    """Return taps with weights in units of 1/2048.

    Beyond the centres of the outermost pixels, clamped taps use the nearest pixel alone. Others use it twice,
    with the weights of both neighbours, which rounds differently. OpenCV does the former for x and the latter
    for y.
    """
    places = ((np.arange(size) + 0.5) * (1 / (size / pixels)) - 0.5).astype(np.float32)
    first = np.floor(places)
    part = places - first
    if clamped:
        part[(first < 0) | (first >= pixels - 1)] = 0
    weights = np.rint(np.stack([1 - part, part]) * np.float32(1 << COEFFICIENT_BITS)).astype(np.int32)
    first = first.astype(int)
    return Taps(np.clip([first, first + 1], 0, pixels - 1), weights)


def _warp_taps(pixels: int, origin: float, step: float, size: int) -> Taps:
    """Return taps with weights in 0..1; neighbours outside the image have a weight of 0."""
    places = np.arange(size, dtype=np.float32) * np.float32(step) + np.float32(origin)
    places = np.clip(places, -2, pixels + 1)  # black outside, and small enough for an index
    first = np.floor(places)
    part = places - first
    indices = np.stack([first, first + 1]).astype(int)
    inside = (indices >= 0) & (indices < pixels)
    return Taps(np.clip(indices, 0, pixels - 1), np.stack([1 - part, part]) * inside)
