"""The point of all frames that an engine puts on the ground: between the feet of the character."""

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import JOINT, PoseSequence, seen

FEET = tuple(JOINT[f"{side}_{name}"] for side in ("right", "left") for name in ("ankle", "toe"))
SOLE = 0.05  # fraction of the character's height, from below, in which its feet are looked for
VISIBLE = 128  # alpha of what counts as the character

Pivot = tuple[float, float]
"""x and y as fractions of width and height of the untrimmed frame."""


def find_pivot(frames: Sequence[np.ndarray], poses: PoseSequence | None = None) -> Pivot:
    """Find the point between the feet, the same for all frames so that jumps and steps are kept.

    Args:
        frames: f frames, (h, w, 4) uint8.
        poses: f poses of the character, as fractions of the frames. None, or poses without feet, use the
            lowest part of the alpha.

    Returns:
        The pivot: the median of all frames.

    Raises:
        InvalidInput: The number of poses differs from that of the frames.

    """
    if poses is not None and len(poses) != len(frames):
        raise InvalidInput(
            f"There are {len(poses)} poses but {len(frames)} frames: give the poses of the same frames."
        )
    found = [] if poses is None else _of_poses(poses)
    found = found or [each for frame in frames if (each := _of_alpha(frame)) is not None]
    if not found:
        return 0.5, 1.0
    x, y = np.median(np.array(found), axis=0).tolist()
    return round(x, 4), round(y, 4)


def _of_poses(poses: PoseSequence) -> list[Pivot]:
    feet = poses.body[:, FEET]
    shown = [points[seen(points), :2] for points in feet]
    return [(float(points[:, 0].mean()), float(points[:, 1].max())) for points in shown if len(points)]


def _of_alpha(frame: np.ndarray) -> Pivot | None:
    visible = frame[..., 3] >= VISIBLE
    rows = visible.any(axis=1).nonzero()[0]
    if not len(rows):
        return None
    bottom = int(rows[-1]) + 1
    sole = max(1, round(SOLE * (bottom - int(rows[0]))))
    columns = visible[bottom - sole : bottom].any(axis=0).nonzero()[0]
    height, width = visible.shape
    return float(columns[0] + columns[-1] + 1) / 2 / width, bottom / height
