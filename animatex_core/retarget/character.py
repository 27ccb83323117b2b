"""What is known of the character in the reference picture."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import PoseSequence
from ..utils.validation import require_int

STRAY = 0.005  # the part of a mask's pixels that may lie astray beyond each side
THIN = 0.01  # a row or column with less than this part of the fullest one's pixels is no part of the figure
OPAQUE = 127  # alpha above it shows the character


@dataclass(frozen=True)
class Box:
    """Where the character is, in parts of the picture's width and height, 0 to 1 from left and top.

    A dancer's head comes to its top and his feet to its bottom, so that long ears, horns and hats are better
    left outside.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InvalidInput(
                f"the box {self.left:g}, {self.top:g}, {self.right:g}, {self.bottom:g} cannot be: give left, "
                "top, right and bottom in parts of the picture, 0 to 1, left and top being the smaller."
            )

    def in_pixels(self, width: int, height: int) -> np.ndarray:
        """Return left, top, right, bottom in pixels of a picture: (4,)."""
        return np.array([self.left * width, self.top * height, self.right * width, self.bottom * height])

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> "Box":
        """Return the box of a mask (h, w), bool or 0..1; a few stray pixels do not widen it."""
        mask = np.asarray(mask)
        if mask.ndim != 2 or mask.size == 0:
            raise InvalidInput(
                f"the mask has shape {mask.shape}, but it must be (height, width): give one plane."
            )
        shown = mask > 0.5
        if not shown.any():
            raise InvalidInput("the mask is empty: mark the character in it, or give a box.")
        (left, right), (top, bottom) = _extent(shown.sum(axis=0)), _extent(shown.sum(axis=1))
        height, width = shown.shape
        return cls(left / width, top / height, right / width, bottom / height)

    @classmethod
    def of_alpha(cls, alpha: np.ndarray) -> "Box | None":
        """Return the box of what an alpha channel (h, w), uint8, shows; None where that is all or nothing."""
        alpha = np.asarray(alpha)
        shown = alpha > (OPAQUE if (alpha > OPAQUE).any() else 0)
        return None if shown.all() or not shown.any() else cls.of_mask(shown)


def _extent(counts: np.ndarray) -> tuple[int, int]:
    """Return the first line of a figure and the one after its last, from its pixels in every line.

    The bulk of the pixels is certain; from there it goes on while lines are not (nearly) empty.
    """
    reached = np.cumsum(counts)
    first, last = np.searchsorted(reached, reached[-1] * np.array([STRAY, 1 - STRAY]))
    empty = counts <= THIN * counts.max()
    before = np.flatnonzero(empty[: first + 1])
    after = np.flatnonzero(empty[last:])
    return (before[-1] + 1 if before.size else 0), (last + after[0] if after.size else len(counts))


@dataclass(frozen=True, eq=False)
class Character:
    """The reference picture of width x height pixels: the poses found in it (one or many frames) and a box.

    pose is in parts of that picture, whatever size it says itself. Either may be None.
    """

    width: int
    height: int
    pose: PoseSequence | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        require_int("width", self.width)
        require_int("height", self.height)
