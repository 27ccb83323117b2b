"""Polygons, lines and discs in numpy, pixel-identical to OpenCV's drawing without anti-aliasing."""

from dataclasses import dataclass

import numpy as np

LEFT, RIGHT, ABOVE, BELOW = 1, 2, 4, 8


def clip_edges(edges: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Clip edges (4, n: x, y, x, y) at the border; return those that remain (4, m) and their indices (m,)."""
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
    """Return the sides of the image beyond which positions (2, n) lie, as bit flags; 0 inside."""
    x, y = places
    return (x < 0) * LEFT | (x >= width) * RIGHT | (y < 0) * ABOVE | (y >= height) * BELOW


def _clip(x1: int, y1: int, x2: int, y2: int, right: int, bottom: int) -> tuple[int, int, int, int] | None:
    """Clip one edge at top and bottom, then at the sides; None if nothing remains."""
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


SHIFT = 16
ONE, HALF = 1 << SHIFT, 1 << SHIFT >> 1
Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]  # each (n,): the shape they belong to, x, y
_PIXEL = np.dtype("V3")  # three bytes moved at once


@dataclass(frozen=True)
class Spans:
    """Horizontal runs of n pixels, each (n,).

    Attributes:
        shape: Index of the shape that a run belongs to.
        row: Its row.
        left: Its first column.
        right: Its last column.

    """

    shape: np.ndarray
    row: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @classmethod
    def joined(cls, *several: "Spans") -> "Spans":
        """Concatenate spans, sorted by their shapes."""
        columns = [np.concatenate(column) for column in zip(*(s._columns() for s in several), strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def labelled(self, labels: np.ndarray) -> "Spans":
        """Return the spans with shape i renumbered to labels[i]."""
        return Spans(labels[self.shape], self.row, self.left, self.right)

    def inside(self, width: int, height: int) -> "Spans":
        """Clip the spans to the image."""
        left, right = np.maximum(self.left, 0), np.minimum(self.right, width - 1)
        kept = (left <= right) & (self.row >= 0) & (self.row < height)
        return Spans(self.shape[kept], self.row[kept], left[kept], right[kept])

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.shape, self.row, self.left, self.right


def paint(image: np.ndarray, spans: Spans, colors: np.ndarray) -> None:
    """Paint spans on an image (h, w, 3) uint8 in place, in order, shape i in colors[i]."""
    height, width = image.shape[:2]
    spans = spans.inside(width, height)
    lengths = spans.right - spans.left + 1
    span, step = _runs(lengths)
    pixels = step + (spans.row * width + spans.left)[span]
    image.reshape(-1, 3).view(_PIXEL)[pixels, 0] = colors.view(_PIXEL)[spans.shape[span], 0]


def discs(centers: np.ndarray, radius: int) -> Spans:
    """Return filled circles around whole pixels (n, 2)."""
    rows = np.arange(-radius, radius + 1)
    half = _disc_reach(radius)[np.abs(rows)]
    shape = np.repeat(np.arange(len(centers)), len(rows))
    x, y = centers[:, :1], centers[:, 1:]
    return Spans(shape, (y + rows).reshape(-1), (x - half).reshape(-1), (x + half).reshape(-1))


def polygons(corners: np.ndarray, width: int, height: int) -> Spans:
    """Return filled convex polygons with whole-pixel corners (n, corners, 2), clipped to the image."""
    following = np.roll(corners, -1, axis=1)
    shape, at = np.nonzero((corners != following).any(axis=2))
    edges = np.concatenate([corners[shape, at].T, following[shape, at].T])
    inside, kept = clip_edges(edges, width, height)
    outline = _trace(inside, shape[kept])
    return _row_spans(len(corners), height, outline, _fill(edges << SHIFT, edges, shape, height))


def lines(ends: np.ndarray, thickness: int, width: int, height: int) -> Spans:
    """Return thick lines (n, 4: x, y, x, y in whole pixels) with round ends, clipped to the image."""
    corners, shape = _line_corners(ends, thickness)
    edges = np.concatenate([np.roll(corners, 1, axis=1), corners], axis=2).reshape(-1, 4).T
    shape = np.repeat(shape, 4)
    inside, kept = clip_edges(edges, width << SHIFT, height << SHIFT)
    outline = _trace_fixed(inside, shape[kept])
    body = _row_spans(len(ends), height, outline, _fill(edges, (edges + HALF) >> SHIFT, shape, height))
    cap = ((thickness << SHIFT - 1) + HALF) >> SHIFT
    caps = discs(ends.reshape(-1, 2), cap).labelled(np.repeat(np.arange(len(ends)), 2))
    return Spans.joined(body, caps)


def ellipse_corners(
    centers: np.ndarray, half_lengths: np.ndarray, half_width: int, degrees: np.ndarray
) -> np.ndarray:
    """Return polygons (n, 361, 2) of rotated ellipses, with one corner per degree, in whole pixels.

    Args:
        centers: (n, 2) whole pixels.
        half_lengths: (n,) half the long axes in whole pixels.
        half_width: Half the short axis in pixels.
        degrees: (n,) rotations.

    """
    along = half_lengths[:, None] * _COSINE
    across = half_width * _SINE
    cosine, sine = _COSINE[degrees % 360, None], _SINE[degrees % 360, None]
    x = centers[:, :1] + along * cosine - across * sine
    y = centers[:, 1:] + along * sine + across * cosine
    return np.rint(np.stack([x, y], axis=2)).astype(np.int64)


# OpenCV's sine table has seven decimals in single precision.
_DEGREES = np.radians(np.arange(361))
_SINE = np.round(np.sin(_DEGREES), 7).astype(np.float32).astype(np.float64)
_COSINE = np.round(np.cos(_DEGREES), 7).astype(np.float32).astype(np.float64)


def _disc_reach(radius: int) -> np.ndarray:
    """Return the half widths of a disc's rows 0..radius by the midpoint circle algorithm."""
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
    """Return the corners (m, 4, 2), in fixed point, of the lines with a length, and their indices (m,)."""
    drawn = np.flatnonzero((ends[:, :2] != ends[:, 2:]).any(axis=1))
    start, end = ends[drawn, :2], ends[drawn, 2:]
    along = (end - start).astype(np.float64)
    half = ((thickness << SHIFT - 1) + (thickness & 1) * HALF) / np.sqrt((along**2).sum(axis=1))
    across = np.rint(np.stack([along[:, 1], -along[:, 0]], axis=1) * half[:, None]).astype(np.int64)
    start, end = start << SHIFT, end << SHIFT
    return np.stack([start + across, start - across, end - across, end + across], axis=1), drawn


def _trace(edges: np.ndarray, shape: np.ndarray) -> Pixels:
    """Return the pixels of edges between whole pixels by Bresenham's algorithm, left to right."""
    x, y, end_x, end_y = _turned(edges, edges[2] < edges[0])
    dx, dy = end_x - x, np.abs(end_y - y)
    long, short = np.maximum(dx, dy), np.minimum(dx, dy)
    edge, step = _runs(long + 1)
    minor = -((long[edge] - 2 * short[edge] * step) // np.maximum(2 * long, 1)[edge])
    steep, down = (dy > dx)[edge], np.sign(end_y - y)[edge]
    right, below = np.where(steep, minor, step), np.where(steep, step, minor)
    return shape[edge], x[edge] + right, y[edge] + down * below


def _trace_fixed(edges: np.ndarray, shape: np.ndarray) -> Pixels:
    """Return the pixels of edges between fixed-point positions: one per column, or per row where steep."""
    flat = np.abs(edges[2] - edges[0]) > np.abs(edges[3] - edges[1])
    edges = np.where(flat, edges, edges[[1, 0, 3, 2]])  # first coordinate: the one that advances by pixels
    advance, aside, last, last_aside = _turned(edges, edges[2] < edges[0])
    slope = _divided((last_aside - aside) * ONE, (last - advance) | 1)
    edge, step = _runs((last - advance >> SHIFT) + 1)
    first = np.concatenate([(advance + HALF >> SHIFT)[edge] + step, last + HALF >> SHIFT])
    second = np.concatenate([(aside + HALF)[edge] + slope[edge] * step, last_aside + HALF]) >> SHIFT
    flat = np.concatenate([flat[edge], flat])
    return np.concatenate([shape[edge], shape]), np.where(flat, first, second), np.where(flat, second, first)


def _fill(fixed: np.ndarray, whole: np.ndarray, shape: np.ndarray, height: int) -> Pixels:
    """Return where edges, given in fixed point and in whole pixels, cross the image's rows."""
    rising = whole[3] < whole[1]
    (x, _, end_x, _), (_, top, _, bottom) = _turned(fixed, rising), _turned(whole, rising)
    rows = np.maximum(bottom - top, 1)
    slope = _divided(2 * (end_x - x) + rows, 2 * rows)
    begin = np.clip(top, 0, height)
    edge, step = _runs(np.clip(bottom, 0, height) - begin)
    y = step + begin[edge]
    return shape[edge], (x + HALF)[edge] + slope[edge] * (y - top[edge]) >> SHIFT, y


def _row_spans(shapes: int, height: int, *several: Pixels) -> Spans:
    """Return for each row of each convex shape the span from its leftmost to its rightmost pixel."""
    shape, x, y = (np.concatenate(column) for column in zip(*several, strict=True))
    kept = (y >= 0) & (y < height)
    key, x = (shape * height + y)[kept], x[kept]
    none = np.iinfo(np.int64)
    left, right = np.full(shapes * height, none.max), np.full(shapes * height, none.min)
    np.minimum.at(left, key, x)
    np.maximum.at(right, key, x)
    found = np.flatnonzero(left <= right)
    return Spans(found // height, found % height, left[found], right[found])


def _turned(edges: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Reverse the edges that are `turned` (n,)."""
    return np.where(turned, edges[[2, 3, 0, 1]], edges)


def _runs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of sum(counts) steps the index of its run and its number in the run, from 0."""
    run = np.repeat(np.arange(len(counts)), counts)
    return run, np.arange(len(run)) - (np.cumsum(counts) - counts)[run]


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the integer quotient a / b for b > 0, rounded towards zero."""
    return np.sign(a) * (np.abs(a) // b)
