"""What the values of a mask mean: 0 and 1, labels of classes, soft edges, colors."""

from dataclasses import dataclass

import numpy as np

LABELS = 40  # the largest number of a class in a map of labels; photographs have more levels than these
BORDER = 255  # the label that Pascal VOC gives to the borders of objects
MAX_LEVELS = 32  # different values in a map of labels
MAX_COLORS = 64  # different colors of classes; more of them come from soft edges or compression
NOISE = 16 / 255  # of the range of values, within which a compressed picture of one color stays
GREY = 12  # the most by which the channels of a grey pixel differ
MIN_COLORED = 0.001  # of the pixels of a mask in colors
MIDDLE, MAX_MIDDLE = (0.15, 0.85), 0.4  # more than this part of the pixels between the two: a photograph


@dataclass(frozen=True)
class MaskPlane:
    """A mask in one form.

    Attributes:
        values: (h, w) of 0 to 1; above 0.5 is marked.
        marked: How a user would call what is marked, such as "white".
        unmarked: And the rest.
        notes: Sentences on what was chosen in the file.
        size: Width and height of the file, where `values` are fewer.

    """

    values: np.ndarray
    marked: str = "white"
    unmarked: str = "black"
    notes: tuple[str, ...] = ()
    size: tuple[int, int] | None = None

    @property
    def is_photo(self) -> bool:
        """Whether so much is neither marked nor unmarked that it may be no mask at all."""
        low, high = MIDDLE
        return bool(((self.values > low) & (self.values < high)).mean() > MAX_MIDDLE)


def of_grey(values: np.ndarray) -> MaskPlane:
    """Return the mask of one channel (h, w), whose values are 0..1, 0..255 or of 16 bits."""
    values = np.nan_to_num(np.asarray(values, np.float32), posinf=0, neginf=0)
    full = _full_scale(float(values.max(initial=0)))
    levels = np.unique(values)
    if len(levels) == 1:
        return MaskPlane(np.clip(values / full, 0, 1))
    if len(levels) == 2:
        return MaskPlane((values - levels[0]) / (levels[1] - levels[0]))
    if _are_labels(levels * (255 / full if full <= 255 else 1)):
        scaled = np.rint(values * (255 / full if full <= 255 else 1))
        return MaskPlane(
            ((scaled > 0) & (scaled != BORDER)).astype(np.float32), "labelled as anything", "labelled 0"
        )
    if levels[-1] - levels[0] < NOISE * full:
        return MaskPlane(np.full_like(values, np.clip(values.mean() / full, 0, 1)))
    return MaskPlane((values - levels[0]) / (levels[-1] - levels[0]))


def of_color(rgb: np.ndarray) -> MaskPlane:
    """Return the mask of a picture (h, w, 3) uint8: grey, one color on black, or a color for each class."""
    low, high = rgb.min(axis=2), rgb.max(axis=2)
    if (high - low > GREY).mean() < MIN_COLORED:
        return of_grey(rgb.mean(axis=2))
    if (high <= GREY).mean() < MIN_COLORED:  # nothing is black
        background = _rim_color(rgb)
        away = np.abs(rgb.astype(np.int16) - background).max(axis=2)
        return MaskPlane(of_grey(away).values, "of another color than the rim", "of the color of the rim")
    values = of_grey(high).values
    if len(np.unique(rgb.reshape(-1, 3), axis=0)) <= MAX_COLORS:
        values = (high > GREY).astype(np.float32)
    return MaskPlane(values, "colored", "black")


def of_alpha(alpha: np.ndarray) -> MaskPlane:
    """Return the mask of an alpha channel (h, w) uint8."""
    return MaskPlane(of_grey(alpha).values, "opaque", "transparent")


def _full_scale(largest: float) -> float:
    return next((scale for scale in (1.0, 255.0) if largest <= scale), 65535.0)


def _are_labels(levels: np.ndarray) -> bool:
    classes = levels[np.abs(levels - BORDER) > 0.01]
    whole = np.abs(levels - np.rint(levels)) < 0.01
    return bool(len(levels) <= MAX_LEVELS and whole.all() and classes[0] >= 0 and 0 < classes[-1] <= LABELS)


def _rim_color(rgb: np.ndarray) -> np.ndarray:
    rim = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return np.median(rim, axis=0).astype(np.int16)
