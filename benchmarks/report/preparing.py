"""Preparing frames for pose detection, compared with the calls of OpenCV that the official code makes."""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType

import numpy as np

from animatex_core.pose.detector import PADDING, SIDE, letterbox, letterbox_ratio
from animatex_core.pose.estimator import DEVIATION, HEIGHT, MEAN, WIDTH, Region, crop, region_around
from animatex_core.pose.resampling import IN_NUMPY, Resampling, import_opencv, resampling
from benchmarks.costs import Work, in_turn

from .rows import NotMeasuredError, Options, Source, cpu_ratios

FRAME = 1280, 720, 3
BOX = np.array([200.0, 200.0, 500.0, 1100.0])  # of a person in the frame
CALLS = 40  # in each round
LETTERBOX, CROP = "letterbox of a 720x1280 frame", "crop of a person from such a frame"
HOW: dict[str, Callable[[], Resampling]] = {
    "with OpenCV installed": resampling,
    "without OpenCV": lambda: IN_NUMPY,
}
ROWS = tuple(f"{what}, {how}" for what in (LETTERBOX, CROP) for how in HOW)


def opencv_letterbox(cv2: ModuleType, frame: np.ndarray) -> np.ndarray:
    """Return the detector's input."""
    ratio = letterbox_ratio(*frame.shape[:2])
    width, height = int(frame.shape[1] * ratio), int(frame.shape[0] * ratio)
    padded = np.full((SIDE, SIDE, 3), PADDING, np.uint8)
    padded[:height, :width] = cv2.resize(frame, (width, height))
    return np.ascontiguousarray(padded.transpose(2, 0, 1), np.float32)


def opencv_crop(cv2: ModuleType, frame: np.ndarray, region: Region) -> np.ndarray:
    """Return the pose model's input."""
    (left, top), (across, down) = region.centre - region.size / 2, region.size / (WIDTH, HEIGHT)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    places = np.array([[across, 0, left], [0, down, top]])
    image = cv2.warpAffine(frame, places, (WIDTH, HEIGHT), flags=flags)
    normalized = (image - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(normalized.transpose(2, 0, 1))


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of processor time."""
    cv2 = import_opencv()
    if cv2 is None:
        raise NotMeasuredError("cv2 cannot be imported")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # threads that wait would count as busy
    try:
        values = [_ratios(cv2, how(), options.rounds) for how in HOW.values()]
    finally:
        cv2.setNumThreads(threads)
    return dict(zip(ROWS, [ratios for pair in zip(*values, strict=True) for ratios in pair], strict=True))


def _ratios(cv2: ModuleType, how: Resampling, rounds: int) -> tuple[list[float], list[float]]:
    frame = np.random.default_rng(0).integers(0, 256, FRAME, dtype=np.uint8)
    region = region_around(BOX)
    turned = np.ascontiguousarray(frame[..., ::-1])  # the official code reads blue, green, red
    boxes = partial(letterbox, frame, how), partial(opencv_letterbox, cv2, turned)
    crops = partial(crop, frame, region, how), partial(opencv_crop, cv2, turned, region)
    return _compared(*boxes, rounds), _compared(*crops, rounds)


def _compared(ours: partial[np.ndarray], theirs: partial[np.ndarray], rounds: int) -> list[float]:
    np.testing.assert_allclose(ours(), theirs(), atol=1e-5)
    return cpu_ratios(in_turn(_repeated(ours), _repeated(theirs), rounds))


def _repeated(work: Work) -> Work:
    def repeated() -> None:
        for _ in range(CALLS):
            work()

    return repeated


SOURCE = Source("preparing", ROWS, measure)
