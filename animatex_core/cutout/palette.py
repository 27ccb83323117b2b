"""Colors of the background: as users write them, and learned from the reference."""

from dataclasses import dataclass

import torch
from PIL import ImageColor
from torch import Tensor
from torch.nn.functional import avg_pool3d

from ..errors import InvalidInput

LEVELS = 24  # histogram bins per channel
MAX_LEVEL = 255
RARE = 2e-4  # share of pixels below which a color says nothing


@dataclass(frozen=True, eq=False)
class Palette:
    """Colors of the background and of the character.

    Attributes:
        odds: (LEVELS ** 3,), logarithm of how much more frequent a color is in the background.

    """

    odds: Tensor

    @classmethod
    def of(cls, background: Tensor, figure: Tensor) -> "Palette":
        """Learn from pixels of both, (3, n) and (3, m) in 0..1."""
        return cls(((_shares(background) + RARE) / (_shares(figure) + RARE)).log())

    def favors_background(self, colors: Tensor) -> Tensor:
        """Return whether colors (3, ...) in 0..1 are more frequent in the background, as bool (...)."""
        return self.odds[_bins(colors)] > 0


def _bins(colors: Tensor) -> Tensor:
    levels = (colors * LEVELS).long().clamp_(0, LEVELS - 1)
    return (levels[0] * LEVELS + levels[1]) * LEVELS + levels[2]


def _shares(colors: Tensor) -> Tensor:
    counts = torch.bincount(_bins(colors), minlength=LEVELS**3).float()
    counts = counts / counts.sum().clamp(min=1)
    around = avg_pool3d(counts.reshape(1, 1, LEVELS, LEVELS, LEVELS), 3, 1, 1, count_include_pad=False)
    return (counts + 9 * around.flatten()) / 2


def parse_color(text: str) -> Tensor:
    """Return a color as (3,) in 0..1.

    Args:
        text: #rrggbb, with or without #, or an HTML name such as white.

    Raises:
        InvalidInput: It is not a color, or one of its values is out of range.

    """
    for spelled in (text.strip(), f"#{text.strip()}"):
        try:
            levels = ImageColor.getrgb(spelled)[:3]
        except ValueError:
            continue
        if not all(0 <= level <= MAX_LEVEL for level in levels):
            raise InvalidInput(
                f"The color {text[:40]!r} is {levels}, but red, green and blue must be 0 to {MAX_LEVEL}: "
                "give #rrggbb, such as #00ff00."
            )
        return torch.tensor(levels) / MAX_LEVEL
    raise InvalidInput(
        f"{text[:40]!r} is not a color: give #rrggbb, such as #00ff00, or a name such as white."
    )


def hex_color(color: Tensor) -> str:
    """Return a color (3,) in 0..1 as #rrggbb."""
    return "#" + "".join(f"{round(float(each) * MAX_LEVEL):02x}" for each in color)


def not_at_border(given: Tensor, usual: Tensor) -> InvalidInput:
    """Return the error for a given background color that the frames do not have along their border.

    Args:
        given: (3,) in 0..1.
        usual: The median color of the border, (3,) in 0..1.

    """
    return InvalidInput(
        f"The background color is {hex_color(given)}, but hardly any pixel along the border of the frames "
        f"has it, and the median there is {hex_color(usual)}: give that color, leave it out to detect it, "
        "or give masks if the background has several."
    )
