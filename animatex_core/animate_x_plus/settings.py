"""Settings of an Animate-X++ animation."""

from dataclasses import dataclass, field

from ..animate_x.settings import replace_given
from ..retarget.settings import RetargetSettings
from .defaults import NEGATIVE_PROMPT, TYPICAL_PROMPT
from .sampling import PlusSampling
from .shapes import WanShape, fitting_frames


@dataclass(frozen=True)
class PlusSettings:
    """Settings of an animation.

    Attributes:
        prompt: The scene, and how the background moves.
        negative_prompt: What to avoid.
        width: Pixels, a multiple of 16.
        height: Likewise.
        retarget: How poses are transferred to the character.
        sampling: How latents are sampled.
        jpeg_noise: Whether the images of poses are compressed as JPEG, as in the official code.

    """

    prompt: str = TYPICAL_PROMPT
    negative_prompt: str = NEGATIVE_PROMPT
    width: int = 480
    height: int = 832
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: PlusSampling = field(default_factory=PlusSampling)
    jpeg_noise: bool = True

    def __post_init__(self) -> None:
        _ = self.shape(1)  # raises for sizes that are not possible

    def shape(self, frames: int) -> WanShape:
        """Return the shape of a video for some driving frames, which are padded to 4n + 1."""
        return WanShape(self.width, self.height, fitting_frames(frames))

    def override(
        self,
        *,
        prompt: str | None = None,
        negative_prompt: str | None = None,
        size: tuple[int | None, int | None] | None = None,
        retarget: RetargetSettings | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        shift: float | None = None,
        teacache: float | None = None,
    ) -> "PlusSettings":
        """Return a copy with other values; None keeps a value.

        Args:
            prompt: As in the class, like the negative prompt and retarget.
            negative_prompt: What to avoid.
            size: Width and height.
            retarget: How poses are transferred to the character.
            seed: As in `PlusSampling`, like the following ones.
            steps: Number of steps.
            guidance: Guidance scale; 1 disables guidance.
            shift: Shift of the noise schedule.
            teacache: Threshold below which steps are skipped.

        Raises:
            InvalidInput: A value is out of range.

        """
        width, height = size or (None, None)
        sampling = replace_given(
            self.sampling, seed=seed, steps=steps, guidance=guidance, shift=shift, teacache=teacache
        )
        return replace_given(
            self,
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            retarget=retarget,
            sampling=sampling,
        )
