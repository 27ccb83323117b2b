"""Resizing and warping by OpenCV where it is installed and computes the same as `resize`, else in numpy.

OpenCV is several times as fast, but optional. It is tried out before its first use: older versions round the
places of a warp, and an installation may be broken.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from . import resize as numpy_resize

Pair = tuple[float, float]
Resize = Callable[[np.ndarray, int, int], np.ndarray]
Warp = Callable[[np.ndarray, Pair, Pair, tuple[int, int]], np.ndarray]
MAX_PLACE = 1 << 14  # pixels; OpenCV takes images and places of up to 2 ** 15
TRIED_SIZE = 288, 384  # of a warp: the size that the pose model takes
TRIED_RESIZES = ((61, 40), (250, 190), (131, 97), (64, 200))
TRIED_WARPS = (
    ((-4.3, 5.1), (0.46, 0.29), TRIED_SIZE),
    ((7.7, -20.2), (0.31, 0.37), TRIED_SIZE),
    ((-90.0, -300.0), (1.3, 2.1), TRIED_SIZE),
)


@dataclass(frozen=True)
class Resampling:
    """How images are resized and warped; see `resize.resize` and `resize.warp` for the arguments."""

    resize: Resize
    warp: Warp


IN_NUMPY = Resampling(numpy_resize.resize, numpy_resize.warp)


@dataclass(frozen=True)
class OpenCV:
    """The two operations of the module cv2, as in `Resampling`."""

    cv2: Any

    def resize(self, image: np.ndarray, width: int, height: int) -> np.ndarray:
        """See `resize.resize`."""
        if max(image.shape) > MAX_PLACE:
            return numpy_resize.resize(image, width, height)
        return self.cv2.resize(np.ascontiguousarray(image), (width, height)).transpose(2, 0, 1)

    def warp(self, image: np.ndarray, origin: Pair, step: Pair, size: tuple[int, int]) -> np.ndarray:
        """See `resize.warp`."""
        ends = np.array([origin, np.array(origin) + np.array(step) * size])
        if not (np.abs(ends).max() <= MAX_PLACE >= max(image.shape)):  # also where a place is not a number
            return numpy_resize.warp(image, origin, step, size)
        places = np.array([[step[0], 0, origin[0]], [0, step[1], origin[1]]])
        flags = self.cv2.INTER_LINEAR | self.cv2.WARP_INVERSE_MAP
        return self.cv2.warpAffine(np.ascontiguousarray(image), places, size, flags=flags).transpose(2, 0, 1)


@cache
def resampling() -> Resampling:
    """Return OpenCV's operations, except those that differ from numpy's here."""
    cv2 = import_opencv()
    return IN_NUMPY if cv2 is None else agreeing(OpenCV(cv2))


def import_opencv() -> Any | None:
    """Return the module cv2, or None if it is missing or broken; one for another NumPy says so itself."""
    with suppress(Exception):  # whatever goes wrong: it is not needed
        return import_module("cv2")
    return None


def agreeing(opencv: OpenCV) -> Resampling:
    """Return those operations of OpenCV that give the same as numpy for images of noise, else numpy's."""
    image = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    return Resampling(
        opencv.resize if _same(opencv.resize, IN_NUMPY.resize, image, TRIED_RESIZES) else IN_NUMPY.resize,
        opencv.warp if _same(opencv.warp, IN_NUMPY.warp, image, TRIED_WARPS) else IN_NUMPY.warp,
    )


def _same(
    theirs: Callable[..., np.ndarray], ours: Callable[..., np.ndarray], image: np.ndarray, cases: tuple
) -> bool:
    with suppress(Exception):  # of any kind: it is not used then
        return all(np.array_equal(theirs(image, *case), ours(image, *case)) for case in cases)
    return False
