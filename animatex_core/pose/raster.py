"""Polygons, thick lines and discs in numpy, pixel for pixel as OpenCV draws them without antialiasing.

Shapes become spans, runs of pixels in one row, and many shapes are worked on at once. Fixed-point numbers
have 16 fractional bits, as OpenCV's have: with them every rounding falls the same way.
"""

from dataclasses import dataclass

import numpy as np

SHIFT = 16
ONE, HALF = 1 << SHIFT, 1 << SHIFT >> 1
_PIXEL = np.dtype("V3")  # three bytes moved at once


@dataclass(frozen=True)
class Spans:
    """Runs of pixels (n,): `shape` they belong to, their row, and their first and last column."""

    shape: np.ndarray
    row: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @classmethod
    def joined(cls, *several: "Spans") -> "Spans":
        """Put the spans of all into one, in ascending order of their shapes."""
        columns = [np.concatenate(column) for column in zip(*(s._columns() for s in several), strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def labelled(self, labels: np.ndarray) -> "Spans":
        """Return the same spans with shape i renamed to labels[i]."""
        return Spans(labels[self.shape], self.row, self.left, self.right)

    def inside(self, width: int, height: int) -> "Spans":
        """Cut off what lies outside of the picture."""
        left, right = np.maximum(self.left, 0), np.minimum(self.right, width - 1)
        kept = (left <= right) & (self.row >= 0) & (self.row < height)
        return Spans(self.shape[kept], self.row[kept], left[kept], right[kept])

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.shape, self.row, self.left, self.right


def paint(picture: np.ndarray, spans: Spans, colors: np.ndarray) -> None:
    """Paint spans over a picture (h, w, 3) uint8 in place, in their order, shape i in colors[i]."""
    height, width = picture.shape[:2]
    spans = spans.inside(width, height)
    lengths = spans.right - spans.left + 1
    pixels = _steps(lengths) + np.repeat(spans.row * width + spans.left, lengths)
    picture.reshape(-1, 3).view(_PIXEL)[pixels, 0] = np.repeat(colors.view(_PIXEL)[spans.shape, 0], lengths)


def discs(centers: np.ndarray, radius: int) -> Spans:
    """Filled circles around whole pixels (n, 2)."""
    reach = _disc_reach(radius)
    rows = np.arange(-radius, radius + 1)
    shape = np.repeat(np.arange(len(centers)), len(rows))
    x, y = np.repeat(centers[:, 0], len(rows)), np.repeat(centers[:, 1], len(rows))
    half = np.tile(reach[np.abs(rows)], len(centers))
    return Spans(shape, y + np.tile(rows, len(centers)), x - half, x + half)


def polygons(corners: np.ndarray, width: int, height: int) -> Spans:
    """Filled convex polygons of whole pixels (n, corners, 2), as far as they lie in the picture."""
    edges = np.concatenate([corners, np.roll(corners, -1, axis=1)], axis=2)
    shape, at = np.nonzero((edges[..., :2] != edges[..., 2:]).any(axis=2))
    edges = edges[shape, at]
    inside, kept = clipped(edges, width, height)
    outline = _trace(inside, shape[kept])
    return _row_spans(len(corners), height, outline, _fill(edges << SHIFT, edges, shape, height))


def lines(ends: np.ndarray, thickness: int, width: int, height: int) -> Spans:
    """Thick lines (n, 4: x, y, x, y; whole pixels) with round ends, as far as they lie in the picture."""
    corners, shape = _line_corners(ends, thickness)
    edges = np.concatenate([np.roll(corners, 1, axis=1), corners], axis=2).reshape(-1, 4)
    shape = np.repeat(shape, 4)
    inside, kept = clipped(edges, width << SHIFT, height << SHIFT)
    outline = _trace_fixed(inside, shape[kept])
    body = _row_spans(len(ends), height, outline, _fill(edges, (edges + HALF) >> SHIFT, shape, height))
    cap = ((thickness << SHIFT - 1) + HALF) >> SHIFT
    caps = discs(ends.reshape(-1, 2), cap).labelled(np.repeat(np.arange(len(ends)), 2))
    return Spans.joined(body, caps)


def ellipse_corners(
    centers: np.ndarray, half_lengths: np.ndarray, half_width: int, degrees: np.ndarray
) -> np.ndarray:
    """Polygons (n, 361, 2), a corner for each degree, of ellipses turned by whole degrees (n,).

    centers (n, 2) and half_lengths (n,) are whole pixels, and so are the corners.
    """
    turns = np.arange(361)
    along = half_lengths[:, None] * _COSINE[turns]
    across = half_width * _SINE[turns]
    cosine, sine = _COSINE[degrees % 360, None], _SINE[degrees % 360, None]
    x = centers[:, :1] + along * cosine - across * sine
    y = centers[:, 1:] + along * sine + across * cosine
    return np.rint(np.stack([x, y], axis=2)).astype(np.int64)


# OpenCV's table of sines has seven decimals in single precision.
_DEGREES = np.radians(np.arange(361))
_SINE = np.round(np.sin(_DEGREES), 7).astype(np.float32).astype(np.float64)
_COSINE = np.round(np.cos(_DEGREES), 7).astype(np.float32).astype(np.float64)


def _disc_reach(radius: int) -> np.ndarray:
    """Half widths of a disc's rows 0..radius by the midpoint circle."""
    reach = np.zeros(radius + 1, dtype=np.int64)
    x, y, error = radius, 0, 0
    while x >= y:
        reach[y], reach[x] = max(reach[y], x), max(reach[x], y)
        error += 2 * y + 1
        y += 1
        if error > 0:
            error -= 2 * x - 1
            x -= 1
    return reach


def _line_corners(ends: np.ndarray, thickness: int) -> tuple[np.ndarray, np.ndarray]:
    """Fixed-point corners (m, 4, 2) of the lines that have a length, and which lines (m,) those are."""
    drawn = np.flatnonzero((ends[:, :2] != ends[:, 2:]).any(axis=1))
    start, end = ends[drawn, :2], ends[drawn, 2:]
    along = (end - start).astype(np.float64)
    half = ((thickness << SHIFT - 1) + (thickness & 1) * HALF) / np.sqrt((along**2).sum(axis=1))
    across = np.rint(np.stack([along[:, 1], -along[:, 0]], axis=1) * half[:, None]).astype(np.int64)
    start, end = start << SHIFT, end << SHIFT
    return np.stack([start + across, start - across, end - across, end + across], axis=1), drawn


def clipped(edges: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut edges (n, 4: x, y, x, y) at the picture's border; returns the rest (m, 4) and its indices (m,)."""
    codes = _outside(edges[:, :2], width, height), _outside(edges[:, 2:], width, height)
    kept = np.flatnonzero((codes[0] & codes[1]) == 0)
    edges = edges[kept]
    found = np.ones(len(kept), dtype=bool)
    for i in np.flatnonzero((codes[0] | codes[1])[kept]):  # few cross the border
        x1, y1, x2, y2 = edges[i].tolist()
        cut = _clip(x1, y1, x2, y2, width - 1, height - 1)
        found[i] = cut is not None
        edges[i] = cut or 0
    return edges[found], kept[found]


LEFT, RIGHT, ABOVE, BELOW = 1, 2, 4, 8


def _outside(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Cohen and Sutherland's codes (n,) of points (n, 2)."""
    x, y = points[:, 0], points[:, 1]
    return (x < 0) * LEFT + (x >= width) * RIGHT + (y < 0) * ABOVE + (y >= height) * BELOW


def _clip(x1: int, y1: int, x2: int, y2: int, right: int, bottom: int) -> tuple[int, int, int, int] | None:
    """Cut one edge at the top and bottom, then at the sides, rounding towards zero."""
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


Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]  # shape, x and y of each, (n,)


def _trace(edges: np.ndarray, shape: np.ndarray) -> Pixels:
    """Bresenham's pixels of edges between whole pixels, drawn from left to right."""
    swapped = edges[:, 2] < edges[:, 0]
    edges = np.where(swapped[:, None], edges[:, [2, 3, 0, 1]], edges)
    dx, dy = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
    steep = np.abs(dy) > dx
    long, short = np.where(steep, np.abs(dy), dx), np.where(steep, dx, np.abs(dy))
    step = _steps(long + 1)
    edge = np.repeat(np.arange(len(edges)), long + 1)
    minor = -((long[edge] - 2 * short[edge] * step) // np.maximum(2 * long[edge], 1))
    up, down = np.where(steep[edge], minor, step), np.where(steep[edge], step, minor)
    return shape[edge], edges[edge, 0] + up, edges[edge, 1] + np.sign(dy)[edge] * down


def _trace_fixed(edges: np.ndarray, shape: np.ndarray) -> Pixels:
    """Pixels of edges between fixed-point positions: one a column, or one a row where they are steep."""
    size = np.abs(edges[:, 2:] - edges[:, :2])
    flat = size[:, 0] > size[:, 1]
    main = np.where(flat, 0, 1)
    edge = np.arange(len(edges))
    swapped = edges[edge, main + 2] < edges[edge, main]
    edges = np.where(swapped[:, None], edges[:, [2, 3, 0, 1]], edges)
    length = edges[edge, main + 2] - edges[edge, main]
    slope = _divided((edges[edge, 3 - main] - edges[edge, 1 - main]) * ONE, length | 1)
    first = edges[:, :2] + HALF
    counts = (length >> SHIFT) + 1
    step, edge = _steps(counts), np.repeat(edge, counts)
    along = (first[edge, main[edge]] >> SHIFT) + step
    aside = (first[edge, 1 - main[edge]] + slope[edge] * step) >> SHIFT
    x, y = np.where(flat[edge], along, aside), np.where(flat[edge], aside, along)
    last = (edges[:, 2:] + HALF) >> SHIFT
    return (
        np.concatenate([shape[edge], shape]),
        np.concatenate([x, last[:, 0]]),
        np.concatenate([y, last[:, 1]]),
    )


def _fill(fixed: np.ndarray, whole: np.ndarray, shape: np.ndarray, height: int) -> Pixels:
    """Where the edges (n, 4), given in fixed point and in whole pixels, cross the picture's rows."""
    rising = (whole[:, 3] < whole[:, 1])[:, None]
    fixed, whole = (np.where(rising, edges[:, [2, 3, 0, 1]], edges) for edges in (fixed, whole))
    top, rows = whole[:, 1], whole[:, 3] - whole[:, 1]
    slope = _divided(2 * (fixed[:, 2] - fixed[:, 0]) + rows, np.maximum(2 * rows, 1))
    begin, end = np.clip(top, 0, height), np.clip(top + rows, 0, height)
    counts = end - begin
    edge = np.repeat(np.arange(len(fixed)), counts)
    y = _steps(counts) + begin[edge]
    x = (fixed[edge, 0] + slope[edge] * (y - top[edge]) + HALF) >> SHIFT
    return shape[edge], x, y


def _row_spans(shapes: int, height: int, *several: Pixels) -> Spans:
    """For each row of each convex shape the span from its leftmost to its rightmost pixel."""
    shape, x, y = (np.concatenate(column) for column in zip(*several, strict=True))
    kept = (y >= 0) & (y < height)
    key, x = (shape * height + y)[kept], x[kept]
    none = np.iinfo(np.int64)
    left, right = np.full(shapes * height, none.max), np.full(shapes * height, none.min)
    np.minimum.at(left, key, x)
    np.maximum.at(right, key, x)
    found = np.flatnonzero(left <= right)
    return Spans(found // height, found % height, left[found], right[found])


def _steps(counts: np.ndarray) -> np.ndarray:
    """0..count-1 for each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b of whole numbers with b > 0, rounded towards zero."""
    return np.sign(a) * (np.abs(a) // b)
