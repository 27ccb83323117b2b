"""Settings of an animation and its sampling, and how a call or command overrides the defaults."""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ..diffusion.guidance import Guidance
from ..diffusion.schedule import Timesteps, require_seed
from ..diffusion.solvers import SOLVER_TIMESTEPS, SOLVERS
from ..errors import InvalidInput
from ..retarget.settings import RetargetSettings
from ..utils.validation import require_int
from .defaults import OFFICIAL, SMALL_BUNDLE
from .pins import PinnedImages
from .pose_strength import PoseStrength
from .presets import resolve_preset
from .shapes import ClipShape
from .training_spec import ReferenceForm, TrainingSpec
from .windows import AlternatingWindows, LongClip, Windows

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class SamplingSettings:
    """Settings of the sampling; the defaults match the official code.

    Args:
        solver: A name in `SOLVERS`: "ddim", or "dpm++2m" for few steps.
        steps: Number of steps; the paper uses 50.
        guidance: Classifier-free guidance.
        seed: 0..2^64 - 1.
        offset_noise: Strength of the noise offset of whole frames, as in `initial_noise`.
        long_clip: How to split a long video; None denoises all frames at once.
        batch_guidance: Run the conditional and the unconditional pass as one batch; None does so on CUDA if
            memory allows. Results differ by rounding only.
        pose: How strongly the poses are followed, and when.

    Raises:
        InvalidInput: A value is out of range.

    """

    solver: str = OFFICIAL.solver
    steps: int = OFFICIAL.steps
    guidance: Guidance = field(default_factory=lambda: Guidance(OFFICIAL.guidance))
    seed: int = 0
    offset_noise: float = 0.1
    long_clip: LongClip | None = None
    batch_guidance: bool | None = None
    pose: PoseStrength = field(default_factory=PoseStrength)

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise InvalidInput(f"solver is {self.solver!r}: choose one of these: {', '.join(SOLVERS)}.")
        require_int("steps", self.steps)
        _ = self.timesteps  # raises where the solver does not support the steps
        require_seed(self.seed)
        if not math.isfinite(self.offset_noise):
            raise InvalidInput(
                f"offset_noise is {self.offset_noise}, but it must be finite: use the default, 0.1."
            )
        if not isinstance(self.long_clip, LongClip | None):
            raise InvalidInput(
                f"long_clip is {self.long_clip!r}: pass Windows(...), AlternatingWindows(...), Segments(...) "
                "or None."
            )
        if isinstance(self.long_clip, AlternatingWindows) and len(self.timesteps) < 2:
            raise InvalidInput(
                "Alternating windows move from step to step, but there is 1 step: use overlapping "
                "windows, or 2 or more steps."
            )

    @property
    def timesteps(self) -> Timesteps:
        """The timesteps that the solver visits."""
        return SOLVER_TIMESTEPS[self.solver](self.steps)

    @classmethod
    def for_small_bundle(cls) -> "SamplingSettings":
        """Return the settings for the small bundle, which was trained on 4 frames at once."""
        small = SMALL_BUNDLE
        return cls(small.solver, small.steps, Guidance(small.guidance), long_clip=Windows(4, 2))

    def with_preset(self, name: str, trained_on: TrainingSpec, puppet: bool) -> "SamplingSettings":
        """Return a copy with the solver, steps, guidance scale and windows of a preset.

        Args:
            name: One of `PRESETS`.
            trained_on: What the denoiser was trained on.
            puppet: Whether it corrects the puppet, see `DenoiserConfig.puppet`.

        Raises:
            InvalidInput: There is no such preset.

        """
        preset = resolve_preset(name, trained_on.frames, puppet)
        sampling = preset.sampling
        return replace(
            self,
            solver=sampling.solver,
            steps=sampling.steps,
            guidance=replace(self.guidance, scale=sampling.guidance),
            long_clip=None if preset.window is None else Windows(preset.window, preset.overlap),
        )


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
        pinned: Given first and last frames; None for none.

    """

    width: int | None = None
    height: int | None = None
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    reference_form: ReferenceForm | None = None
    pinned: PinnedImages | None = None

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

    def check_size(self, num_downsamples: int) -> None:
        """Raise InvalidInput if a denoiser that halves its latents this often does not support the size."""
        if self.width is not None and self.height is not None:
            ClipShape(self.width, self.height, num_downsamples=num_downsamples)

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
        long_clip: LongClip | None = None,
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
        scale = None if guidance is None else Guidance(guidance)
        sampling = replace_given(
            self.sampling, seed=seed, steps=steps, solver=solver, guidance=scale, long_clip=long_clip
        )
        return replace_given(
            self,
            width=width,
            height=height,
            retarget=retarget,
            sampling=sampling,
            reference_form=reference_form,
        )


_Settings = TypeVar("_Settings", bound="DataclassInstance")


def replace_given(settings: _Settings, **values: Any) -> _Settings:
    """Return a copy of settings with other values; None keeps a value."""
    return replace(settings, **{name: value for name, value in values.items() if value is not None})
