"""The character in the reference image: its pose and its bounding box."""

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput
from ..pose.keypoints import PoseSequence
from ..utils.validation import require_int

STRAY = 0.005  # fraction of a mask's pixels that may be stray beyond each side
THIN = 0.01  # rows and columns with less than this fraction of the fullest one's pixels are not the figure
OPAQUE = 127  # the character is where alpha is higher


@dataclass(frozen=True)
class Box:
    """Bounding box of the character as fractions of the image's width and height, 0 to 1 from the top left.

    The driving person's head is aligned with its top and their feet with its bottom, so long ears, horns and
    hats are best left outside.

    Attributes:
        left: Left side.
        top: Top side.
        right: Right side.
        bottom: Bottom side.

    Raises:
        InvalidInput: The sides are not in order or not in 0..1.

    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InvalidInput(
                f"the box is {self.left:g}, {self.top:g}, {self.right:g}, {self.bottom:g}, but it must be "
                "left, top, right and bottom as fractions of the image: give numbers from 0 to 1."
            )

    def in_pixels(self, width: int, height: int) -> np.ndarray:
        """Return left, top, right, bottom in pixels of an image of this size: (4,)."""
        return np.array([self.left * width, self.top * height, self.right * width, self.bottom * height])

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> "Box":
        """Return the box of a mask.

        A few stray pixels do not enlarge it.

        Args:
            mask: (h, w), bool or 0..1.

        Raises:
            InvalidInput: The mask has another shape or is empty.

        """
        mask = np.asarray(mask)
        if mask.ndim != 2 or mask.size == 0:
            raise InvalidInput(
                f"the mask has shape {mask.shape}, but it must be (height, width): give a single channel."
            )
        shown = mask > 0.5
        if not shown.any():
            raise InvalidInput("the mask is empty: mark the character in it, or give a box.")
        (left, right), (top, bottom) = _extent(shown.sum(axis=0)), _extent(shown.sum(axis=1))
        height, width = shown.shape
        return cls(left / width, top / height, right / width, bottom / height)

    @classmethod
    def of_alpha(cls, alpha: np.ndarray) -> "Box | None":
        """Return the box of what an alpha channel (h, w) uint8 shows; None if that is all or nothing."""
        alpha = np.asarray(alpha)
        shown = alpha > (OPAQUE if (alpha > OPAQUE).any() else 0)
        return None if shown.all() or not shown.any() else cls.of_mask(shown)


def _extent(counts: np.ndarray) -> tuple[int, int]:
    """Return the first line of a figure and the one after its last, from the number of its pixels per line.

    Starting from the bulk of the pixels, the figure extends until a line is (nearly) empty.
    """
    reached = np.cumsum(counts)
    first, last = np.searchsorted(reached, reached[-1] * np.array([STRAY, 1 - STRAY]))
    empty = counts <= THIN * counts.max()
    before = np.flatnonzero(empty[: first + 1])
    after = np.flatnonzero(empty[last:])
    return (before[-1] + 1 if before.size else 0), (last + after[0] if after.size else len(counts))


@dataclass(frozen=True, eq=False)
class Character:
    """The character in a reference image.

    Attributes:
        width: Width of the reference image in pixels.
        height: Its height.
        pose: Poses found in it (one or more frames), as fractions of that image regardless of their own size.
        box: Its bounding box.

    """

    width: int
    height: int
    pose: PoseSequence | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        require_int("width", self.width)
        require_int("height", self.height)
