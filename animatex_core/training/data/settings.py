"""Settings of the preparation of videos for both systems. Importing them does not import PyTorch."""

from dataclasses import dataclass
from typing import Literal

from ...animate_x.shapes import ClipShape
from ...animate_x.training_spec import ReferenceForm
from ...animate_x_plus.shapes import WanShape
from ...errors import InvalidInput
from ...utils.validation import require_int, require_int_fields

Task = Literal["animation", "ti2v"]
"""animation: from an image and a pose video. ti2v: from an image and a text, of scenes that move."""

CAPTIONS = ".txt"  # suffix of the file with the caption of a video


@dataclass(frozen=True)
class SourceSettings:
    """Which frames of each video are used, and which videos are for validation.

    Attributes:
        stride: Use every `stride`-th frame.
        fps: If given, use the stride that gives about this frame rate instead.
        validation: Share of the files that are for validation.
        seed: Seed of the split.

    Raises:
        InvalidInput: If a value is invalid.

    """

    stride: int = 1
    fps: float | None = None
    validation: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        require_int("stride", self.stride)
        if self.fps is not None and not self.fps > 0:
            raise InvalidInput(f"fps is {self.fps:g}: it must be more than 0, or left out.")
        if not 0 <= self.validation < 1:
            raise InvalidInput(f"validation is {self.validation:g}: it must be at least 0 and less than 1.")

    def stride_at(self, fps: float) -> int:
        """Return the stride through a video of this frame rate."""
        return self.stride if self.fps is None else max(1, round(fps / self.fps))


@dataclass(frozen=True)
class PrepareSettings(SourceSettings):
    """How videos are prepared for Animate-X.

    Attributes:
        width: Width of the prepared clips in pixels.
        height: Height of the prepared clips in pixels.
        least: Minimum number of frames of a clip.
        most: Maximum number of frames of a clip; longer ones are split.
        references: Number of frames of each clip that training may use as the reference image.
        form: How the denoiser gets the reference image: as pixels, as latents or as both.
        max_stride: Largest stride that training takes through the prepared frames.

    """

    stride: int = 2
    width: int = 512
    height: int = 768
    least: int = 32
    most: int = 256
    references: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        ClipShape(self.width, self.height)
        require_int_fields(self, ("least", "most", "references", "max_stride"))
        if self.most < 2 * self.least:
            raise InvalidInput(
                f"most is {self.most}, but not every longer video can be cut into parts of {self.least} to "
                f"{self.most} frames: set it to at least {2 * self.least}."
            )


@dataclass(frozen=True)
class WanPrepareSettings(SourceSettings):
    """How videos are prepared for Animate-X++.

    Attributes:
        width: Width of the prepared clips in pixels, a multiple of 16.
        height: Height of the prepared clips in pixels, a multiple of 16.
        frames: Number of frames of each clip, 4n + 1.

    """

    width: int = 480
    height: int = 832
    frames: int = 81

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.shape  # validates the size

    @property
    def shape(self) -> WanShape:
        """Shape of every clip."""
        return WanShape(self.width, self.height, self.frames)
