"""Short gaps in a clip's poses, filled between the frames on both sides."""

import numpy as np

from ..checks import require_whole
from .skeleton import PoseSequence, seen


def fill_gaps(poses: PoseSequence, limit: int) -> PoseSequence:
    """Interpolate each point where it is missing for at most `limit` frames between two that show it.

    A filled point moves in a straight line at an even speed and has the lower of both ends' scores. Longer
    gaps and those at the ends of the clip stay. limit: frames; 0 fills nothing. Raises InvalidInput for a
    limit that is no whole number of 0 or more.
    """
    require_whole("the limit of gaps", limit, least=0)
    points, frames = poses.points, len(poses)
    found, frame = seen(points), np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(found, frame, -1), axis=0)
    after = np.minimum.accumulate(np.where(found, frame, frames)[::-1], axis=0)[::-1]
    filled = ~found & (before >= 0) & (after < frames) & (after - before - 1 <= limit)
    at, point = np.nonzero(filled)
    begin, end = before[at, point], after[at, point]
    part = ((at - begin) / (end - begin))[:, None].astype(np.float32)
    start, stop = points[begin, point], points[end, point]
    between = start + part * (stop - start)
    between[:, 2] = np.minimum(start[:, 2], stop[:, 2])
    result = points.copy()
    result[at, point] = between
    return poses.with_points(result)
