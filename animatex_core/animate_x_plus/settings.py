"""Settings of an Animate-X++ animation."""

from dataclasses import dataclass, field

from ..retarget.settings import RetargetSettings
from .preprocessing import NEGATIVE_PROMPT, TYPICAL_PROMPT
from .sampling import PlusSampling
from .shapes import WanShape, fitting_frames


@dataclass(frozen=True)
class PlusSettings:
    """What is made of a reference, a dance and a text.

    prompt: what is seen and how the background moves; negative_prompt: what shall not be seen.
    width, height: pixels, multiples of 16. jpeg_noise: whether the pictures of poses go through JPEG, as the
    release's do.
    """

    prompt: str = TYPICAL_PROMPT
    negative_prompt: str = NEGATIVE_PROMPT
    width: int = 480
    height: int = 832
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: PlusSampling = field(default_factory=PlusSampling)
    jpeg_noise: bool = True

    def __post_init__(self) -> None:
        _ = self.shape(1)  # refuses sizes that cannot be

    def shape(self, frames: int) -> WanShape:
        """Return the shape of a clip for a dance of some frames, which become the next 4n + 1."""
        return WanShape(self.width, self.height, fitting_frames(frames))
