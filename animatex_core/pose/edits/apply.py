"""Apply edits to poses. `web/js/pose_editor/evaluate.js` computes the same in the editor, bit for bit.

Both work in float64 with sums, products and quotients alone, and round the result to float32.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ...errors import warn
from ..keypoints import VISIBLE, PoseSequence
from .joints import OTHER_SIDE
from .state import FrameRange, KeyPose, Place, PoseEdits

Spread = tuple[slice, np.ndarray]
SEEN = float(np.float32(VISIBLE))  # scores are float32


def apply_edits(poses: PoseSequence, edits: PoseEdits) -> PoseSequence:
    """Return corrected poses.

    Edits of frames that the poses do not have are left out with a warning. Without edits, the poses are
    returned unchanged.

    Args:
        poses: The poses of a video, or of an image as a single frame.
        edits: The corrections.

    """
    if edits.is_empty:
        return poses
    _warn_of_excess(edits, len(poses))
    points = poses.points.astype(np.float64)
    for change in (_show, _swap, _ignore, _fill, _place, _move, _hide):
        change(points, edits)
    return poses.with_points(points.astype(np.float32))


def spread(keys: Sequence[KeyPose], frames: int) -> Iterator[Spread]:
    """Yield for each key pose of a point the frames where it counts, and how much, 0..1.

    The weight is 1 in the frame of the key pose and falls smoothly to 0, at the latest at the next key pose.
    Two key poses that reach each other have a sum of 1 between them.

    Args:
        keys: The key poses with the point, in the order of their frames.
        frames: Number of frames.

    """
    at = [-math.inf, *(key.frame for key in keys), math.inf]
    for key, previous, following in zip(keys, at, at[2:], strict=False):
        before, after = (min(key.falloff + 1, abs(other - key.frame)) for other in (previous, following))
        span = slice(min(frames, max(0, key.frame - before + 1)), min(frames, key.frame + after))
        distance = np.arange(span.start, span.stop, dtype=np.float64) - key.frame
        part = np.abs(distance) / np.where(distance < 0, before, after)
        yield span, 1 - part * part * (3 - 2 * part)


def _seen(points: np.ndarray) -> np.ndarray:
    return points[..., 2] > SEEN


def _frames(points: np.ndarray, span: FrameRange) -> slice:
    return slice(min(span.first, len(points)), min(span.last + 1, len(points)))


def _show(points: np.ndarray, edits: PoseEdits) -> None:
    for span in edits.shown:
        part = points[_frames(points, span)]
        chosen = np.zeros(part.shape[:2], bool)
        chosen[:, list(span.points)] = True
        part[chosen & (part[..., 2] > 0) & ~_seen(part), 2] = 1


def _swap(points: np.ndarray, edits: PoseEdits) -> None:
    swapped = np.zeros(points.shape[:2], bool)
    for span in edits.swapped:
        pairs = sorted({*span.points, *OTHER_SIDE[list(span.points)]})
        swapped[_frames(points, span), pairs] ^= True
    points[:] = np.where(swapped[..., None], points[:, OTHER_SIDE], points)


def _ignore(points: np.ndarray, edits: PoseEdits) -> None:
    _clear(points, edits.ignored)


def _hide(points: np.ndarray, edits: PoseEdits) -> None:
    _clear(points, edits.hidden)


def _clear(points: np.ndarray, spans: Sequence[FrameRange]) -> None:
    for span in spans:
        points[_frames(points, span), list(span.points)] = 0


def _fill(points: np.ndarray, edits: PoseEdits) -> None:
    for span in edits.filled:
        for point in span.points:
            _fill_point(points[:, point], _frames(points, span), span.replaces)


def _fill_point(points: np.ndarray, span: slice, replaces: bool) -> None:
    """Interpolate a point (frames, 3) in place; at an end of the video it stays where it was seen last."""
    found = _seen(points)
    found[span] &= not replaces
    known = np.flatnonzero(found)
    if not known.size:
        return
    missing = np.arange(span.start, span.stop)[~found[span]]
    after = np.searchsorted(known, missing)
    begin, end = known[np.maximum(after - 1, 0)], known[np.minimum(after, len(known) - 1)]
    one_sided = (after == 0) | (after == len(known))
    part = (missing - begin) / np.where(one_sided, 1, end - begin)
    start, stop = points[begin], points[end]
    between = start + part[:, None] * (stop - start)
    between[:, 2] = np.minimum(start[:, 2], stop[:, 2])
    points[missing] = np.where(one_sided[:, None], start, between)


def _place(points: np.ndarray, edits: PoseEdits) -> None:
    for point, keys, places in _tracks(edits, lambda key: key.places):
        column = points[:, point]
        spans = list(spread(keys, len(points)))
        total, count = np.zeros(len(points)), np.zeros(len(points), int)
        for span, weight in spans:
            total[span] += weight
            count[span] += 1
        missing = ~_seen(column) & (count > 0)
        column[missing, :2] = _weighted_sum(spans, places, len(points))[missing] / total[missing, None]
        for (span, _), place in zip(spans, places, strict=True):
            alone = missing[span] & (count[span] == 1)  # exactly there, without rounding
            column[span][alone, :2] = place
        column[missing, 2] = 1


def _move(points: np.ndarray, edits: PoseEdits) -> None:
    for point, keys, offsets in _tracks(edits, lambda key: key.offsets):
        seen = _seen(points[:, point])
        moved = _weighted_sum(list(spread(keys, len(points))), offsets, len(points))
        points[seen, point, :2] += moved[seen]


def _weighted_sum(spans: list[Spread], values: list[Place], frames: int) -> np.ndarray:
    """Return the sum (frames, 2) over key poses of their weight times their value."""
    total = np.zeros((frames, 2))
    for (span, weight), value in zip(spans, values, strict=True):
        total[span] += weight[:, None] * value
    return total


def _tracks(
    edits: PoseEdits, values: Callable[[KeyPose], Mapping[int, Place]]
) -> Iterator[tuple[int, list[KeyPose], list[Place]]]:
    """Yield each point of some values, the key poses with it, and its values there."""
    found: dict[int, list[KeyPose]] = {}
    for key in edits.keys:
        for point in values(key):
            found.setdefault(point, []).append(key)
    for point, keys in found.items():
        yield point, keys, [values(key)[point] for key in keys]


def _warn_of_excess(edits: PoseEdits, frames: int) -> None:
    keys = sum(key.frame >= frames for key in edits.keys)
    ranges = sum(span.first >= frames for span in edits.ranges)
    if not keys and not ranges:
        return
    made = "" if edits.frames is None else f"The poses were edited in a video of {edits.frames} frames. "
    warn(
        f"{made}Of the edits, {_count(keys, 'key pose')} and {_count(ranges, 'range')} lie after the last of "
        f"these {frames} frames and are left out here; they stay stored.",
        stacklevel=3,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
