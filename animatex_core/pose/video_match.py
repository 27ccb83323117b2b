"""Check whether poses belong to a video, by their aspect ratio and their positions."""

import numpy as np

from ..errors import InvalidInput
from .keypoints import MODEL_JOINTS, seen

MARGIN = 0.1  # fraction of the image by which people may extend beyond it
MAX_OUTSIDE = 0.5  # fraction of the joints outside from which poses are rejected
SOME_OUTSIDE = 0.1  # and from which there is a warning
CORNER = 0.5  # fraction of width and height that rarely holds all joints of a whole video
MIN_PEOPLE = 10
SHAPE_TOLERANCE = 0.02  # relative difference in aspect ratio
OTHER_SHAPE = 2.2  # ratio of the aspect ratios from which portrait and landscape cannot be one video


def compare_shapes(poses: tuple[int, int], images: tuple[int, int], name: str) -> str | None:
    """Compare the size of the image in which poses were found with the images they are used with.

    Args:
        poses: Width and height.
        images: Width and height.
        name: Of the images, such as "the video".

    Returns:
        A warning if the aspect ratios differ, else None.

    Raises:
        InvalidInput: One is portrait and the other landscape.

    """
    ratio = (poses[0] / poses[1]) / (images[0] / images[1])
    if abs(ratio - 1) <= SHAPE_TOLERANCE:
        return None
    found = f"The poses are of an image of {poses[0]}x{poses[1]}, but {name} has {images[0]}x{images[1]}"
    turned = (poses[0] - poses[1]) * (images[0] - images[1]) < 0
    if turned and max(ratio, 1 / ratio) > OTHER_SHAPE:
        raise InvalidInput(f"{found}: give poses of the same video in the same orientation.")
    return f"{found}: they are stretched to it."


def check_video_match(
    people: np.ndarray, size: tuple[int, int], source: str, *, were_pixels: bool
) -> str | None:
    """Compare poses from a file without an image size with the size of the video.

    Args:
        people: (n, 130, 3) points as fractions of the video's frames.
        size: Width and height of the frames.
        source: Name of the poses in messages.
        were_pixels: Whether the file stores them in pixels.

    Returns:
        A warning if the poses may be of another video, else None.

    Raises:
        InvalidInput: Most joints are outside the frames.

    """
    body = people[:, :MODEL_JOINTS]
    places = body[seen(body)][:, :2]
    if not len(places):
        return None
    outside = float((np.abs(places - 0.5).max(axis=1) > 0.5 + MARGIN).mean())
    reach = np.quantile(places, 0.99, axis=0)
    name = f"{size[0]}x{size[1]}"
    pixels = f"{round(reach[0] * size[0])}, {round(reach[1] * size[1])}"
    if outside > MAX_OUTSIDE:
        raise InvalidInput(
            f"{outside:.0%} of the joints in {source} are outside the {name} pixels of the video (they reach "
            f"{pixels}): give poses of this video, or add their canvas_width and canvas_height."
        )
    if outside > SOME_OUTSIDE:
        return (
            f"{outside:.0%} of the joints in {source} are outside the {name} pixels of the video: "
            "check that they are of this video."
        )
    if were_pixels and len(people) >= MIN_PEOPLE and reach.max() < CORNER:
        return (
            f"All joints in {source} are in the upper left of the {name} pixels of the video (they reach "
            f"{pixels}): if they are of a smaller video, add its canvas_width and canvas_height."
        )
    return None
