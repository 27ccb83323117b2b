"""OpenCV's bilinear resize and axis-aligned warp of uint8 pictures, in numpy.

The detector's and the pose net's pictures were made by OpenCV; its rounding is reproduced, so that the nets
see what they see in the released code. Both operations are separable, and touch only the rows and columns
that their results need.
"""

from dataclasses import dataclass

import numpy as np

COEFFICIENT_BITS = 11  # of the fixed-point weights in cv2.resize


@dataclass(frozen=True)
class Taps:
    """The two neighbours that each place along one axis is mixed from, and their weights.

    indices (2, n): where the neighbours lie, always inside; weights (2, n).
    """

    indices: np.ndarray
    weights: np.ndarray

    def needed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices in use, each once and sorted, and where in them each neighbour lies (2, n)."""
        used, places = np.unique(self.indices, return_inverse=True)
        return used, places.reshape(self.indices.shape)


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize (h, w, 3) uint8 to (height, width, 3), equal to cv2.resize with INTER_LINEAR."""
    columns = _resize_taps(picture.shape[1], width, clamped=True)
    rows = _resize_taps(picture.shape[0], height, clamped=False)
    used, (above, below) = rows.needed()
    lines = _mix_columns(picture[used], columns)
    lines >>= 4  # OpenCV drops these bits, and 16 more below, to stay within 16-bit numbers
    mixed = lines[above] * rows.weights[0][:, None] >> 16
    mixed += lines[below] * rows.weights[1][:, None] >> 16
    return ((mixed + 2) >> 2).astype(np.uint8).reshape(height, width, 3)


def warp(
    picture: np.ndarray, origin: tuple[float, float], step: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Sample (h, w, 3) uint8 at origin + step * (x, y), black outside, as cv2.warpAffine of OpenCV 5 does.

    origin, step: x and y in pixels of the picture; size: (width, height) of the result.
    """
    columns, rows = (
        _warp_taps(picture.shape[1 - axis], origin[axis], step[axis], size[axis]) for axis in (0, 1)
    )
    used, (above, below) = rows.needed()
    lines = _mix_columns(picture[used], columns)
    mixed = lines[above] * rows.weights[0][:, None]
    mixed += lines[below] * rows.weights[1][:, None]
    return np.rint(mixed).astype(np.uint8).reshape(size[1], size[0], 3)


def _mix_columns(lines: np.ndarray, columns: Taps) -> np.ndarray:
    """Mix (rows, w, 3) along its width: (rows, n * 3)."""
    flat = lines.reshape(len(lines), -1)
    channels = (columns.indices[..., None] * 3 + np.arange(3)).reshape(2, -1)
    weights = np.repeat(columns.weights, 3, axis=1)
    mixed = flat.take(channels[0], axis=1) * weights[0]
    mixed += flat.take(channels[1], axis=1) * weights[1]
    return mixed


def _resize_taps(pixels: int, size: int, *, clamped: bool) -> Taps:
    """Return taps with weights in parts of 2048.

    clamped: beyond the last pixels' centres the nearest pixel alone counts; else it counts twice, with the
    weights of both neighbours, which rounds otherwise: OpenCV does the former along x and the latter along y.
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
    """Return taps with weights in 0..1; a neighbour outside weighs nothing."""
    places = np.arange(size, dtype=np.float32) * np.float32(step) + np.float32(origin)
    places = np.clip(places, -2, pixels + 1)  # all the same outside, and small enough for an index
    first = np.floor(places)
    part = places - first
    indices = np.stack([first, first + 1]).astype(int)
    inside = (indices >= 0) & (indices < pixels)
    return Taps(np.clip(indices, 0, pixels - 1), np.stack([1 - part, part]) * inside)
