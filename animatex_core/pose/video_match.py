"""Whether poses are of the clip that they are used with, by its shape and where they lie in its pictures."""

import numpy as np

from ..errors import InvalidInput
from .keypoints import MODEL_JOINTS, seen

MARGIN = 0.1  # of the picture, which people may reach out of it
MAX_OUTSIDE = 0.5  # of the joints, beyond which poses are of another picture
SOME_OUTSIDE = 0.1
CORNER = 0.5  # of the picture's width and height, within which all joints of a whole clip seldom are
MIN_PEOPLE = 10
SHAPE_TOLERANCE = 0.02  # part by which poses and clip may differ in width / height
OTHER_SHAPE = 2.2  # times the width / height, beyond which upright and wide pictures are never of one clip


def compare_shapes(poses: tuple[int, int], pictures: tuple[int, int], name: str) -> str | None:
    """Compare the size that poses were found in with that of the pictures they are used with.

    Args:
        poses: Width and height.
        pictures: Width and height.
        name: Of the pictures, such as "the clip".

    Returns:
        A sentence where the shapes differ, None where they are the same.

    Raises:
        InvalidInput: One of them is upright and the other wide.

    """
    ratio = (poses[0] / poses[1]) / (pictures[0] / pictures[1])
    if abs(ratio - 1) <= SHAPE_TOLERANCE:
        return None
    found = f"The poses are of a picture of {poses[0]}x{poses[1]}, but {name} has {pictures[0]}x{pictures[1]}"
    turned = (poses[0] - poses[1]) * (pictures[0] - pictures[1]) < 0
    if turned and max(ratio, 1 / ratio) > OTHER_SHAPE:
        raise InvalidInput(f"{found}: give poses of the same video, turned as it is.")
    return f"{found}: their places are taken in parts of the picture."


def require_fit(people: np.ndarray, size: tuple[int, int], source: str, *, were_pixels: bool) -> str | None:
    """Compare poses, whose file does not tell the size of its pictures, with the size of the clip.

    Args:
        people: (n, 130, 3) points in parts of the clip's pictures.
        size: Width and height of these.
        source: Of the poses, in sentences.
        were_pixels: Whether the file has them in pixels.

    Returns:
        A sentence where poses may be of another clip; None where nothing tells.

    Raises:
        InvalidInput: Most joints lie outside of the pictures.

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
            f"{outside:.0%} of the joints in {source} lie outside of the pictures of {name} pixels "
            f"(they reach to {pixels}): give poses of this clip, or add their canvas_width and canvas_height."
        )
    if outside > SOME_OUTSIDE:
        return (
            f"{outside:.0%} of the joints in {source} lie outside of the pictures of {name} pixels: "
            "check that they are of this clip."
        )
    if were_pixels and len(people) >= MIN_PEOPLE and reach.max() < CORNER:
        return (
            f"All joints in {source} lie in the upper left of the pictures of {name} pixels (they "
            f"reach to {pixels}): if they are of a smaller clip, add its canvas_width and canvas_height."
        )
    return None
