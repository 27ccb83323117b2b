"""The pose net finds 133 points of one person: the picture it is given, and its output read. Pure functions.

Geometry of RTMPose as in DWPose's released code, where nothing is rotated.
"""

from dataclasses import dataclass

import numpy as np

from .onnx_model import ModelSignature
from .resize import warp

WIDTH, HEIGHT = 288, 384  # pixels of the net's picture
POINTS = 133
BINS_PER_PIXEL = 2  # of its SimCC output: one axis is a row of bins, and its largest says where
FORM = ModelSignature(
    "the pose net dw-ll_ucoco_384.onnx",
    (3, HEIGHT, WIDTH),
    ((POINTS, WIDTH * BINS_PER_PIXEL), (POINTS, HEIGHT * BINS_PER_PIXEL)),
)
AROUND = 1.25  # how much larger than the person's box the picture is
# Given for red, green and blue, but the released code applies them in this order to blue, green and red.
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# What each of the 256 values becomes, by channel: looking them up is faster than computing every pixel.
NORMAL = ((np.arange(256)[:, None] - np.array(MEAN)) / DEVIATION).astype(np.float32).T


@dataclass(frozen=True)
class Region:
    """What the net sees: the part of a frame with this centre (2,) and size (2,), x and y in pixels."""

    centre: np.ndarray
    size: np.ndarray


def region_of(box: np.ndarray) -> Region:
    """Return the region around a box (left, top, right, bottom), stretched to the picture's aspect ratio."""
    width, height = (box[2:] - box[:2]) * AROUND
    aspect = WIDTH / HEIGHT
    size = (width, width / aspect) if width > height * aspect else (height * aspect, height)
    return Region((box[:2] + box[2:]) * 0.5, np.array(size))


def crop(frame: np.ndarray, region: Region) -> np.ndarray:
    """Return (3, 384, 288) float32, normalised blue, green, red, from (h, w, 3) uint8 in red, green, blue."""
    origin, step = region.centre - region.size / 2, region.size / (WIDTH, HEIGHT)
    picture = warp(frame, tuple(origin), tuple(step), (WIDTH, HEIGHT))[::-1]
    return np.stack([normal[channel] for normal, channel in zip(NORMAL, picture, strict=True)])


def decode_points(simcc_x: np.ndarray, simcc_y: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Return points (133, 2) in pixels of the frame and their scores (133,).

    simcc_x (133, 576), simcc_y (133, 768). A point's score is that of its worse axis. One whose score is not
    above 0 was not found, and lies where bin -1 would.
    """
    bins = np.stack([simcc_x.argmax(axis=1), simcc_y.argmax(axis=1)], axis=1)
    scores = np.minimum(simcc_x.max(axis=1), simcc_y.max(axis=1))
    bins[scores <= 0] = -1
    places = bins / BINS_PER_PIXEL / (WIDTH, HEIGHT)
    return places * region.size + region.centre - region.size / 2, scores
