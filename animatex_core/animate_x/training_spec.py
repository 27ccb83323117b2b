"""What a denoiser was trained on: the defaults for its inputs, and warnings for others."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..errors import InvalidInput, warn
from ..utils.validation import MAX_SIZE, require_int_fields, short_repr

ReferenceForm = Literal["picture", "latents", "both"]

MAX_SCALE = 1.5  # factor of the trained number of pixels beyond which there is a warning


@dataclass(frozen=True)
class TrainingSpec:
    """Sizes of the training clips; the defaults are those of the official model.

    Args:
        width: In pixels.
        height: In pixels.
        frames: Maximum number of frames at once.
        reference_form: What the model was conditioned on: the reference image ("picture"), its latents, or
            both.

    """

    width: int = 512
    height: int = 768
    frames: int = 32
    reference_form: ReferenceForm = "picture"

    def __post_init__(self) -> None:
        require_int_fields(self, ("width", "height", "frames"), most=MAX_SIZE)
        check_reference_form(self.reference_form)

    def warn_of_size(self, width: int, height: int) -> None:
        """Warn of a video that is far larger or smaller than the training clips."""
        if not 1 / MAX_SCALE < width * height / (self.width * self.height) < MAX_SCALE:
            warn(
                f"The model was trained on clips of {self.width}x{self.height}, so a video of "
                f"{width}x{height} may look worse: use the default size."
            )

    def warn_of_length(self, frames: int) -> None:
        """Warn where more frames are denoised at once than in training."""
        if frames > self.frames:
            warn(
                f"The model was trained on {self.frames} frames at once, so {frames} may look worse: "
                "use windows or segments."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingSpec":
        """Read what `to_dict` wrote; raises InvalidInput for bad values, TypeError for unknown names."""
        return cls(**values)


def check_reference_form(form: str) -> None:
    """Raise InvalidInput unless `form` is a `ReferenceForm`."""
    if form not in get_args(ReferenceForm):
        raise InvalidInput(
            f"The reference form is {short_repr(form)}: choose one of {', '.join(get_args(ReferenceForm))}."
        )


RELEASED = TrainingSpec()
