"""YOLOX person detector: the input image and the boxes decoded from the output. Pure functions.

Everything, including the order of rounding, follows DWPose's official code (`onnxdet.py`).
"""

from functools import cache

import numpy as np

from .onnx_model import ModelSignature
from .resampling import Resampling, resampling

SIDE = 640  # pixels, width and height of the input
STRIDES = (8, 16, 32)  # cell sizes of the three grids in pixels
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)
PADDING = 114
COLUMNS = 85  # of the output: box, objectness and the scores of 80 classes
OBJECTNESS, PERSON = 4, 5
SIGNATURE = ModelSignature("the person detector yolox_l.onnx", (3, SIDE, SIDE), ((CELLS, COLUMNS),))
MIN_CANDIDATE_SCORE, MIN_SCORE, MAX_OVERLAP = 0.1, 0.3, 0.45


def letterbox(frame: np.ndarray, how: Resampling | None = None) -> np.ndarray:
    """Scale a frame into the detector's input, keeping its aspect ratio, at the top left.

    Args:
        frame: (h, w, 3) uint8, RGB.
        how: How to resize it; None chooses the fastest.

    Returns:
        (3, 640, 640) float32 in 0..255, BGR.

    """
    height, width = frame.shape[:2]
    ratio = letterbox_ratio(height, width)
    size = max(int(width * ratio), 1), max(int(height * ratio), 1)
    image = np.empty((3, SIDE, SIDE), np.float32)
    image[:, : size[1], : size[0]] = (how or resampling()).resize(frame, *size)[::-1]
    image[:, size[1] :] = image[:, :, size[0] :] = PADDING
    return image


def letterbox_ratio(height: int, width: int) -> float:
    """Return the scale from frame pixels to input pixels."""
    return min(SIDE / height, SIDE / width)


def decode_people(output: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Decode the people from the detector's output.

    Args:
        output: (8400, 85), one row per grid cell.
        ratio: Scale of the frame in the input, from `letterbox_ratio`.

    Returns:
        Boxes (n, 4) in frame pixels (left, top, right, bottom) and scores (n,), best first.

    """
    scores = output[:, OBJECTNESS] * output[:, PERSON]
    candidates = scores > MIN_CANDIDATE_SCORE
    boxes, scores = _boxes(output, candidates) / np.float32(ratio), scores[candidates]
    kept = [index for index in nms(boxes, scores) if scores[index] > MIN_SCORE]
    return boxes[kept], scores[kept]


def nms(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Return the indices kept by non-maximum suppression, best first; box borders are inclusive."""
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
    """Decode the boxes (n, 4) float32 of some rows, in input pixels."""
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
