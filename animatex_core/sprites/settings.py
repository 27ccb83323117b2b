"""How a sprite sheet is laid out."""

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import InvalidInput
from ..utils.validation import require_int

Trim = Literal["each frame", "all frames", "off"]
Form = Literal["hash", "array"]
TRIMS: tuple[str, ...] = get_args(Trim)
FORMS: tuple[str, ...] = get_args(Form)
MAX_TEXTURE = 8192  # pixels on a side that graphics cards of the last ten years take
MAX_SPACING = 256
MAX_RATE = 1000.0


@dataclass(frozen=True)
class SheetSettings:
    """How a sprite sheet is laid out.

    Attributes:
        trim: Cut transparent borders off each frame, cut the same borders off all frames, or keep them.
        padding: Transparent pixels between two sprites, and along the border of the sheet.
        extrude: How often the outermost pixels of a sprite are repeated around it, which avoids seams when
            an engine scales it. 0 repeats none.
        power_of_two: Whether width and height of the sheet are powers of two.
        max_size: Largest width and height of the sheet in pixels.
        form: Frames in the atlas by name ("hash"), or as a list ("array").
        rate: Frames per second to keep; 0 keeps all.

    Raises:
        InvalidInput: A value is out of range.

    """

    trim: Trim = "each frame"
    padding: int = 2
    extrude: int = 0
    power_of_two: bool = False
    max_size: int = MAX_TEXTURE
    form: Form = "hash"
    rate: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (("trim", TRIMS), ("form", FORMS)):
            if getattr(self, name) not in allowed:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}, but it must be one of: {', '.join(allowed)}."
                )
        require_int("padding", self.padding, 0, MAX_SPACING)
        require_int("extrude", self.extrude, 0, MAX_SPACING)
        require_int("max_size", self.max_size, 1)
        if not 0 <= self.rate <= MAX_RATE:
            raise InvalidInput(f"rate is {self.rate:g}, but it must be 0, for all frames, to {MAX_RATE:g}.")
