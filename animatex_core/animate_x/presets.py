"""Presets of the sampling: one name for the solver, its steps, the guidance and the windows.

Nothing here imports PyTorch, since commands and nodes show the presets in their help.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import InvalidInput, warn
from ..utils.validation import short_repr
from .defaults import OFFICIAL, SMALL_BUNDLE, SamplingDefaults

PresetName = Literal["automatic", "draft", "standard", "official"]
AUTOMATIC: PresetName = "automatic"
PRESETS: tuple[PresetName, ...] = get_args(PresetName)

DRAFT = SamplingDefaults(8, "dpm++2m", OFFICIAL.guidance)
STANDARD = SamplingDefaults(12, "dpm++2m", OFFICIAL.guidance)
OFFICIAL_EVALUATIONS = 31
"""The official DDIM spaces its 30 steps so that there is one more."""

MIN_OVERLAP = 2  # frames, as in the small bundle; long windows share a quarter, as 8 of 32


@dataclass(frozen=True)
class SamplingPreset:
    """What a preset means for one model.

    Attributes:
        sampling: Solver, steps and guidance.
        window: Frames per window; None denoises all frames at once.
        overlap: Frames that neighbouring windows share.

    """

    sampling: SamplingDefaults
    window: int | None
    overlap: int


def count_passes(sampling: SamplingDefaults) -> int:
    """Return the number of network passes of a preset's sampling for each window."""
    evaluations = OFFICIAL_EVALUATIONS if sampling == OFFICIAL else sampling.steps
    return evaluations if sampling.guidance == 1 else 2 * evaluations


def resolve_preset(name: str, frames: int, starts_from_puppet: bool) -> SamplingPreset:
    """Return what a preset means for a model.

    "official" is what the official code does, whatever the model. The others denoise as many frames at once
    as the model was trained on, and guide it only if it needs that: one that corrects the puppet does not.

    Args:
        name: One of `PRESETS`.
        frames: Maximum number of frames at once in training, see `TrainingSpec`.
        starts_from_puppet: Whether the model corrects the latents of the puppet, see `DenoiserConfig`.

    Returns:
        The settings.

    Raises:
        InvalidInput: There is no such preset.

    """
    if name not in PRESETS:
        raise InvalidInput(f"The preset is {short_repr(name)}: choose one of {', '.join(PRESETS)}.")
    if name == "official":
        return SamplingPreset(OFFICIAL, None, 0)
    overlap = min(max(MIN_OVERLAP, frames // 4), frames - 1)
    return SamplingPreset(_sampling(name, starts_from_puppet), frames, overlap)


def _sampling(name: str, starts_from_puppet: bool) -> SamplingDefaults:
    if name == AUTOMATIC:
        return SMALL_BUNDLE if starts_from_puppet else STANDARD
    steps = DRAFT if name == "draft" else STANDARD
    guidance = SMALL_BUNDLE.guidance if starts_from_puppet else steps.guidance
    return SamplingDefaults(steps.steps, steps.solver, guidance)


def warn_of_guidance(scale: float, starts_from_puppet: bool) -> None:
    """Warn of guidance where the model corrects the puppet, because it exaggerates the correction."""
    if starts_from_puppet and scale > 1:
        warn(
            f"This model needs no guidance, and a scale of {scale:g} exaggerates colours: use 1, or the "
            "preset automatic."
        )


def describe_presets() -> str:
    """Return what help texts say about the presets."""
    return (
        f"automatic: as the model's file says it was trained: {STANDARD.steps} steps with the official "
        f"weights ({count_passes(STANDARD)} network passes), {SMALL_BUNDLE.steps} with the small built-in "
        f"models ({count_passes(SMALL_BUNDLE)} pass). draft: {DRAFT.steps} steps ({count_passes(DRAFT)} "
        f"passes with guidance). standard: {STANDARD.steps} steps ({count_passes(STANDARD)}). official: "
        f"{OFFICIAL.steps} steps of {OFFICIAL.solver}, which takes {OFFICIAL_EVALUATIONS} "
        f"({count_passes(OFFICIAL)}), guidance {OFFICIAL.guidance:g} and no windows, as in the official code"
    )
