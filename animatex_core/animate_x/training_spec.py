"""What a denoiser was trained on, and so what it is given where a user asks for nothing else."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..errors import AnimateXWarning, InvalidInput
from ..utils.validation import MAX_SIZE, require_int, shown

ReferenceForm = Literal["picture", "latents", "both"]

SCALED = 1.5  # how many times more or fewer pixels a clip may have without a word


@dataclass(frozen=True)
class TrainingSpec:
    """The clips of a training; by default those of the release.

    width, height: pixels. frames: the most at once. reference_form: as what the reference was shown.
    """

    width: int = 512
    height: int = 768
    frames: int = 32
    reference_form: ReferenceForm = "picture"

    def __post_init__(self) -> None:
        for name in ("width", "height", "frames"):
            require_int(name, getattr(self, name), most=MAX_SIZE)
        check_reference_form(self.reference_form)

    def warn_of_size(self, width: int, height: int) -> None:
        """Warn of a clip that is far larger or smaller."""
        if not 1 / SCALED < width * height / (self.width * self.height) < SCALED:
            _warn(
                f"The model was trained on clips of {self.width}x{self.height}, so that one of "
                f"{width}x{height} may look worse: leave the size to the model."
            )

    def warn_of_length(self, frames: int) -> None:
        """Warn where more frames are denoised at once than the model knows."""
        if frames > self.frames:
            _warn(
                f"The model was trained on {self.frames} frames at once, so that {frames} may look worse: "
                "take windows or segments."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingSpec":
        """Read what `to_dict` wrote; raises InvalidInput for a value, TypeError for a name, out of place."""
        return cls(**values)


def check_reference_form(form: str) -> None:
    """Raise InvalidInput unless the reference can be shown so."""
    if form not in get_args(ReferenceForm):
        raise InvalidInput(f"The form is {shown(form)}: choose one of {', '.join(get_args(ReferenceForm))}.")


def _warn(sentence: str) -> None:
    warnings.warn(AnimateXWarning(sentence), stacklevel=3)


RELEASED = TrainingSpec()
