"""Where in a picture: anchors from pictures of another shape, and figures that reach out of theirs."""

import numpy as np

from ...pose.skeleton import BODY, PoseSequence, seen
from ...retarget.rescale import STAYING, Similarity

OUTERMOST = 0.02  # the part of the body's points, at each side, that may lie outside the picture


def in_picture_of(anchor: PoseSequence, width: int, height: int) -> PoseSequence:
    """Return a pose in a picture of these pixels: as large a part of its height, the body undistorted.

    The middle of the body stays at the same part of the width. Figures are upright more often than not, so
    that the height is what they are to fit into.
    """
    body = anchor.body[seen(anchor.body)]
    middle = body[:, 0].mean()
    widened = (anchor.width / anchor.height) / (width / height)
    points = anchor.points.copy()
    points[..., 0] = middle + (points[..., 0] - middle) * widened
    return PoseSequence.from_points(points, width, height)


def into_picture(points: np.ndarray, before: np.ndarray, width: int, height: int) -> Similarity:
    """Return the least motion that brings the body of a clip, (f, 130, 3) in pixels, inside its picture.

    It is made no smaller than it must be and then moved no farther than it must be. What the clip `before`
    its transformation showed outside the picture counts as inside, so that a clip that is not changed stays.
    """
    box, old = _extent(points), _extent(before)
    if box is None or old is None:
        return STAYING
    size = np.array([width, height])
    least, most = np.minimum(old[0], 0), np.maximum(old[1], size)
    middle, half = box.mean(axis=0), (box[1] - box[0]) / 2
    scale = min(1.0, *((most - least) / np.maximum(2 * half, 1e-9)))
    reach = half * scale
    return Similarity(scale, middle, np.clip(middle, least + reach, most - reach))


def _extent(points: np.ndarray) -> np.ndarray | None:
    """Return ((left, top), (right, bottom)) of what is seen of a body, None of nothing."""
    body = points[:, BODY]
    places = body[seen(body), :2]
    return np.quantile(places, [OUTERMOST, 1 - OUTERMOST], axis=0) if len(places) else None
