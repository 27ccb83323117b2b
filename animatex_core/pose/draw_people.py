"""Draw the poses of several people into one image."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..utils.progress import Progress, no_progress, with_progress
from .draw import draw_pose
from .keypoints import PoseSequence, seen


def draw_people(
    people: Sequence[PoseSequence],
    width: int | None = None,
    height: int | None = None,
    progress: Progress = no_progress,
) -> Iterator[np.ndarray]:
    """Draw the poses of people frame by frame, as `draw_poses` does for one; later people cover earlier ones.

    Args:
        people: The poses of each, with the same number of frames.
        width: Of the images; None uses the width of the poses.
        height: Of the images; None uses the height of the poses.
        progress: Called for each frame. An exception it raises stops the work.

    Yields:
        (height, width, 3) uint8, RGB.

    """
    size = people[0].width if width is None else width, people[0].height if height is None else height
    for frame in with_progress(range(len(people[0])), len(people[0]), progress):
        first, *others = [poses for poses in people if seen(poses.points[frame]).any()] or people[:1]
        image = draw_pose(first.body[frame], first.hands[frame], *size)
        for poses in others:
            drawn = draw_pose(poses.body[frame], poses.hands[frame], *size)
            image = np.where(drawn.any(axis=2, keepdims=True), drawn, image)
        yield image
