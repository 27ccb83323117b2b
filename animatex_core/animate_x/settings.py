"""Settings of an animation, and how those of a call or command override the defaults."""

from dataclasses import dataclass, field, replace

from ..diffusion.guidance import Guidance
from ..retarget.settings import RetargetSettings
from .sampling_settings import SamplingSettings, Segments, Windows
from .shapes import ClipShape
from .training_spec import ReferenceForm, TrainingSpec


@dataclass(frozen=True)
class AnimationSettings:
    """Settings of an animation.

    Args:
        width: Pixels of the generated frames; None is what the denoiser was trained on.
        height: Likewise.
        retarget: How the driving poses are transferred to the character.
        sampling: How to sample.
        reference_form: What the denoiser is conditioned on, the reference image, its latents or both; None is
            what it was trained on.

    """

    width: int | None = None
    height: int | None = None
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    reference_form: ReferenceForm | None = None

    def shape(self, frames: int, trained_on: TrainingSpec, num_downsamples: int) -> ClipShape:
        """Return the shape of a video.

        Args:
            frames: Number of frames.
            trained_on: The training videos, which give the default size; warns where the video differs much.
            num_downsamples: Of the denoiser.

        Raises:
            InvalidInput: The denoiser does not support the size.

        """
        width = trained_on.width if self.width is None else self.width
        height = trained_on.height if self.height is None else self.height
        at_once = self.sampling.long_clip
        trained_on.warn_of_length(frames if at_once is None else min(frames, at_once.size))
        shape = ClipShape(width, height, frames, num_downsamples=num_downsamples)
        trained_on.warn_of_size(width, height)
        return shape

    def override(
        self,
        *,
        size: tuple[int | None, int | None] | None = None,
        retarget: RetargetSettings | None = None,
        reference_form: ReferenceForm | None = None,
        seed: int | None = None,
        steps: int | None = None,
        solver: str | None = None,
        guidance: float | None = None,
        long_clip: Windows | Segments | None = None,
    ) -> "AnimationSettings":
        """Return a copy with other values; None keeps a value.

        Args:
            size: Width and height.
            retarget: As in the class.
            reference_form: As in the class.
            seed: As in `SamplingSettings`, like the following ones.
            steps: Number of steps.
            solver: Name of the solver.
            guidance: Scale of classifier-free guidance; 1 is none.
            long_clip: How to split a long video.

        Raises:
            InvalidInput: A value is out of range.

        """
        width, height = size or (None, None)
        if width is not None and height is not None:
            ClipShape(width, height)
        sampling = self.sampling
        changed = replace(
            sampling,
            seed=sampling.seed if seed is None else seed,
            steps=sampling.steps if steps is None else steps,
            solver=solver or sampling.solver,
            guidance=sampling.guidance if guidance is None else Guidance(guidance),
            long_clip=long_clip or sampling.long_clip,
        )
        return AnimationSettings(
            self.width if width is None else width,
            self.height if height is None else height,
            retarget or self.retarget,
            changed,
            reference_form or self.reference_form,
        )
