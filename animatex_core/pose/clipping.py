"""Edges cut at a picture's border by Cohen and Sutherland's algorithm, rounding as OpenCV does."""

import numpy as np

LEFT, RIGHT, ABOVE, BELOW = 1, 2, 4, 8


def clipped(edges: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut edges (4, n: x, y, x, y) at the border; returns what is inside (4, m) and its indices (m,)."""
    start, end = _outside(edges[:2], width, height), _outside(edges[2:], width, height)
    kept = (start & end) == 0
    crossing = np.flatnonzero(kept & ((start | end) != 0))  # few
    edges = edges.copy()
    for i in crossing:
        x1, y1, x2, y2 = edges[:, i].tolist()
        cut = _clip(x1, y1, x2, y2, width - 1, height - 1)
        kept[i] = cut is not None
        edges[:, i] = cut or 0
    return edges[:, kept], np.flatnonzero(kept)


def _outside(places: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return on which sides of the picture places (2, n) lie, 0 inside."""
    x, y = places
    return (x < 0) * LEFT | (x >= width) * RIGHT | (y < 0) * ABOVE | (y >= height) * BELOW


def _clip(x1: int, y1: int, x2: int, y2: int, right: int, bottom: int) -> tuple[int, int, int, int] | None:
    """Cut one edge above and below, then at the sides; None where nothing is left of it."""
    if y1 < 0 or y1 > bottom:
        y = 0 if y1 < 0 else bottom
        x1, y1 = x1 + int(float(y - y1) * (x2 - x1) / (y2 - y1)), y
    if y2 < 0 or y2 > bottom:
        y = 0 if y2 < 0 else bottom
        x2, y2 = x2 + int(float(y - y2) * (x2 - x1) / (y2 - y1)), y
    if max(x1, x2) < 0 or min(x1, x2) > right:
        return None
    if x1 < 0 or x1 > right:
        x = 0 if x1 < 0 else right
        x1, y1 = x, y1 + int(float(x - x1) * (y2 - y1) / (x2 - x1))
    if x2 < 0 or x2 > right:
        x = 0 if x2 < 0 else right
        x2, y2 = x, y2 + int(float(x - x2) * (y2 - y1) / (x2 - x1))
    return x1, y1, x2, y2
