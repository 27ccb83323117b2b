"""YOLOX finds people: the picture it is given, and the boxes read off its output. Pure functions.

Everything here is as in DWPose's released code, down to the order of rounding.
"""

from functools import cache

import numpy as np

from .onnx_model import ModelSignature
from .resize import resize

SIDE = 640  # pixels of the net's square picture
STRIDES = (8, 16, 32)  # pixels of the cells of its three grids
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)
PADDING = 114
COLUMNS = 85  # of the output: a box, its objectness, and the scores of 80 classes
OBJECTNESS, PERSON = 4, 5
FORM = ModelSignature("the person detector yolox_l.onnx", (3, SIDE, SIDE), ((CELLS, COLUMNS),))
MIN_CANDIDATE_SCORE, MIN_SCORE, MAX_OVERLAP = 0.1, 0.3, 0.45


def letterbox(frame: np.ndarray) -> np.ndarray:
    """Return (3, 640, 640) float32 of 0..255 in blue, green, red, from (h, w, 3) uint8 in red, green, blue.

    The picture keeps its aspect ratio and lies at the top left.
    """
    height, width = frame.shape[:2]
    ratio = letterbox_ratio(height, width)
    size = max(int(width * ratio), 1), max(int(height * ratio), 1)
    picture = np.full((3, SIDE, SIDE), PADDING, np.float32)
    picture[:, : size[1], : size[0]] = resize(frame, *size)[::-1]
    return picture


def letterbox_ratio(height: int, width: int) -> float:
    """Return how many pixels of the net's picture are one of the frame."""
    return min(SIDE / height, SIDE / width)


def decode_people(output: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes (n, 4) in pixels (left, top, right, bottom) and scores (n,), the best first.

    output (8400, 85): a row for every cell of the grids.
    """
    scores = output[:, OBJECTNESS] * output[:, PERSON]
    candidates = scores > MIN_CANDIDATE_SCORE
    boxes, scores = _boxes(output, candidates) / np.float32(ratio), scores[candidates]
    kept = [index for index in nms(boxes, scores) if scores[index] > MIN_SCORE]
    return boxes[kept], scores[kept]


def nms(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Return what non-maximum suppression keeps, the best first, as indices; both borders count as inside."""
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order, kept = scores.argsort()[::-1], []
    while order.size:
        best, others = order[0], order[1:]
        kept.append(int(best))
        corners = (
            np.maximum(boxes[best, :2], boxes[others, :2]),
            np.minimum(boxes[best, 2:], boxes[others, 2:]),
        )
        shared = np.maximum(corners[1] - corners[0] + 1, 0).prod(axis=1)
        order = others[shared / (areas[best] + areas[others] - shared) <= MAX_OVERLAP]
    return kept


def _boxes(output: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the boxes (n, 4) float32 of some rows, in pixels of the net's picture."""
    cells, strides = (part[rows] for part in _grid())
    centres = ((output[rows, :2] + cells) * strides).astype(np.float32)
    halves = (np.exp(output[rows, 2:4]) * strides).astype(np.float32) / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


@cache
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Return the column and row of every cell, (8400, 2), and the stride of its grid, (8400, 1)."""
    cells = [np.indices((SIDE // stride,) * 2)[::-1].reshape(2, -1).T for stride in STRIDES]
    strides = [np.full((len(grid), 1), stride) for grid, stride in zip(cells, STRIDES, strict=True)]
    return np.concatenate(cells), np.concatenate(strides)
