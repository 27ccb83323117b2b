"""OpenCV's bilinear resize and axis-aligned warp of uint8 images, in numpy.

DWPose's official code prepares model inputs with OpenCV, whose rounding is reproduced here. Both operations
are separable and only touch the rows and columns that they need. Results are (3, h, w), as models take them.
`resampling` lets OpenCV itself do the same where it is installed.
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
        weights: (2, n): the weight of each neighbour in `resize`. In `warp` the part of the way to the second
            one, for both the same.
        inside: (2, n): whether the neighbour is inside the image.

    """

    indices: np.ndarray
    weights: np.ndarray
    inside: np.ndarray

    def bands(self) -> Iterator["Taps"]:
        """Split into runs of up to BAND positions."""
        for start in range(0, self.indices.shape[1], BAND):
            band = slice(start, start + BAND)
            yield Taps(self.indices[:, band], self.weights[:, band], self.inside[:, band])

    def by_channel(self) -> "Taps":
        """Return the taps for interleaved pixels of three channels, ordered channel by channel."""
        indices = [self.indices * 3 + channel for channel in range(3)]
        return Taps(np.concatenate(indices, axis=1), np.tile(self.weights, 3), np.tile(self.inside, 3))


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an image, identical to cv2.resize with INTER_LINEAR.

    Args:
        image: (h, w, 3) uint8.
        width: In pixels.
        height: In pixels.

    Returns:
        (3, height, width), channels first.

    """
    factor = image.shape[0] // height
    if image.shape[:2] == (height * factor, width * factor):
        return _reduced(image, factor)
    columns = _resize_taps(image.shape[1], width, clamped=True).by_channel()
    rows = _resize_taps(image.shape[0], height, clamped=False)
    return np.concatenate([_resized_band(image, columns, band) for band in rows.bands()], axis=1)


def warp(
    image: np.ndarray, origin: tuple[float, float], step: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Sample an image at origin + step * (x, y), black outside, identical to cv2.warpAffine of OpenCV 5.

    OpenCV 5 rounds a product and a sum only once where its vector instructions can, and so does this.

    Args:
        image: (h, w, 3) uint8.
        origin: x and y in pixels of the image.
        step: x and y in pixels of the image.
        size: Width and height of the result.

    Returns:
        (3, height, width) uint8.

    """
    (left, top), (right, down) = np.array([origin, step], np.float32)
    across = np.arange(size[0]) * np.float64(right) + np.float64(left)
    columns = _warp_taps(image.shape[1], across.astype(np.float32)).by_channel()
    rows = _warp_taps(image.shape[0], np.arange(size[1], dtype=np.float32) * down + top)
    return np.concatenate([_warped_band(image, columns, band) for band in rows.bands()], axis=1)


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Return every n-th pixel (3, h, w), or where n is even the mean of the middle four of n by n."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    reduced, middle = np.empty((3, height, width), np.uint8), (factor - 1) // 2
    upper, lower = (image[row::factor].reshape(height, -1) for row in (middle, factor // 2))
    for start in range(0, height, BAND):
        band = slice(start, start + BAND)
        lines = upper[band] if factor % 2 else np.add(upper[band], lower[band], dtype=np.uint16)
        for channel, out in enumerate(reduced[:, band]):
            left, right = (lines[:, 3 * at + channel :: 3 * factor] for at in (middle, factor // 2))
            out[:] = left if factor % 2 else (left + right + 2) >> 2
    return reduced


def _resized_band(image: np.ndarray, columns: Taps, rows: Taps) -> np.ndarray:
    left, right, (above, below) = _neighbours(image, columns, rows, np.int32)
    left *= columns.weights[0]
    right *= columns.weights[1]
    left += right
    left >>= 4  # OpenCV drops these bits, and 16 more below, to stay within 16-bit numbers
    mixed = left[above] * rows.weights[0][:, None] >> 16
    mixed += left[below] * rows.weights[1][:, None] >> 16
    return _channels_first((mixed + 2) >> 2)


def _warped_band(image: np.ndarray, columns: Taps, rows: Taps) -> np.ndarray:
    left, right, (above, below) = _neighbours(image, columns, rows, np.float32)
    if not columns.inside.all():
        left *= columns.inside[0]
        right *= columns.inside[1]
    lines = _interpolated(left, right, columns.weights[0])
    upper, lower = lines[above], lines[below]
    if not rows.inside.all():
        upper *= rows.inside[0][:, None]
        lower *= rows.inside[1][:, None]
    return _channels_first(np.rint(_interpolated(upper, lower, rows.weights[0][:, None])))


def _interpolated(first: np.ndarray, second: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return first + (second - first) * part in float32, rounded once after product and sum."""
    mixed = (second - first) * part.astype(np.float64)
    mixed += first
    return mixed.astype(np.float32)


def _neighbours(
    image: np.ndarray, columns: Taps, rows: Taps, dtype: type[np.number]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels left and right of each column in the lines that `rows` need.

    Both are (lines, 3 * n). The third value is the indices (2, rows) of the lines.
    """
    used, places = np.unique(rows.indices, return_inverse=True)
    lines = image[used].reshape(len(used), -1)
    left, right = (lines.take(indices, axis=1).astype(dtype) for indices in columns.indices)
    return left, right, places.reshape(rows.indices.shape)


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
    return _taps(pixels, first, weights)


def _warp_taps(pixels: int, places: np.ndarray) -> Taps:
    """Return taps with parts in 0..1 for places (n,) float32."""
    places = np.clip(places, -2, pixels + 1)  # black outside, and small enough for an index
    first = np.floor(places)
    part = places - first
    return _taps(pixels, first, np.stack([part, part]))


def _taps(pixels: int, first: np.ndarray, weights: np.ndarray) -> Taps:
    indices = np.stack([first, first + 1]).astype(int)
    inside = (indices >= 0) & (indices < pixels)
    return Taps(np.clip(indices, 0, pixels - 1), weights, inside)
