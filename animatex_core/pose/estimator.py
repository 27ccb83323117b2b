"""RTMPose model with 133 keypoints: the cropped input and the points decoded from its output. Pure functions.

The geometry follows DWPose's official code (`onnxpose.py`), in which boxes are never rotated.
"""

from dataclasses import dataclass

import numpy as np

from .onnx_model import ModelSignature
from .resampling import Resampling, resampling

WIDTH, HEIGHT = 288, 384  # input size in pixels
POINTS = 133
BINS_PER_PIXEL = 2  # of the SimCC output, which classifies x and y into bins
SIGNATURE = ModelSignature(
    "the pose model dw-ll_ucoco_384.onnx",
    (3, HEIGHT, WIDTH),
    ((POINTS, WIDTH * BINS_PER_PIXEL), (POINTS, HEIGHT * BINS_PER_PIXEL)),
)
CROP_SCALE = 1.25  # size of the crop relative to the person's box
# These are values for RGB, but the official code applies them to BGR in this order.
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# The normalized values of 0..255 by channel: a lookup is faster than computing each pixel.
NORMALIZED = ((np.arange(256)[:, None] - np.array(MEAN)) / DEVIATION).astype(np.float32).T


@dataclass(frozen=True)
class Region:
    """The part of a frame that the model sees.

    Attributes:
        centre: (2,) x and y in pixels.
        size: (2,) width and height in pixels.

    """

    centre: np.ndarray
    size: np.ndarray


def region_around(box: np.ndarray) -> Region:
    """Return the region around a box (left, top, right, bottom), expanded to the input's aspect ratio."""
    width, height = (box[2:] - box[:2]) * CROP_SCALE
    aspect = WIDTH / HEIGHT
    size = (width, width / aspect) if width > height * aspect else (height * aspect, height)
    return Region((box[:2] + box[2:]) * 0.5, np.array(size))


def crop(frame: np.ndarray, region: Region, how: Resampling | None = None) -> np.ndarray:
    """Crop and normalize a region of a frame.

    Args:
        frame: (h, w, 3) uint8, RGB.
        region: Part of the frame.
        how: How to warp it; None chooses the fastest.

    Returns:
        (3, 384, 288) float32, BGR.

    """
    origin, step = region.centre - region.size / 2, region.size / (WIDTH, HEIGHT)
    warp = (how or resampling()).warp
    image = warp(frame, tuple(origin), tuple(step), (WIDTH, HEIGHT))[::-1]
    normalized = np.empty((3, HEIGHT, WIDTH), np.float32)
    for normal, channel, out in zip(NORMALIZED, image, normalized, strict=True):
        normal.take(channel, out=out, mode="clip")  # checking the indices would copy the output
    return normalized


def decode_points(simcc_x: np.ndarray, simcc_y: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Decode the keypoints from the model's output.

    Args:
        simcc_x: (133, 576).
        simcc_y: (133, 768).
        region: Part of the frame that the model saw.

    Returns:
        Points (133, 2) in frame pixels and their scores (133,). The score is the lower one of both axes.
        Points with a score of 0 or less were not found and lie where bin -1 would be.

    """
    bins = np.stack([simcc_x.argmax(axis=1), simcc_y.argmax(axis=1)], axis=1)
    scores = np.minimum(simcc_x.max(axis=1), simcc_y.max(axis=1))
    bins[scores <= 0] = -1
    places = bins / BINS_PER_PIXEL / (WIDTH, HEIGHT)
    return places * region.size + region.centre - region.size / 2, scores
