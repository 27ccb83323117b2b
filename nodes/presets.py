"""The presets of the sampling on nodes, beside the inputs that they replace."""

from comfy.model_patcher import ModelPatcher

from ..animatex_core.animate_x.presets import PRESETS, describe_presets
from ..animatex_core.animate_x.sampling import SamplingSettings
from ..animatex_core.errors import InvalidInput
from .comfy.denoiser import require_animatex
from .comfy.messages import quoted
from .comfy.validation import OpenCombo

CUSTOM = "custom"
"""The preset of graphs that were saved without one: the other inputs count."""


def preset_input(replaced: str) -> OpenCombo:
    """Return the widget that chooses a preset; its default keeps what saved graphs compute.

    Args:
        replaced: The inputs that a preset replaces.

    """
    return OpenCombo(
        "preset",
        options=[CUSTOM, *PRESETS],
        default=CUSTOM,
        optional=True,
        tooltip=f"Replaces {replaced}. custom: uses these inputs. {describe_presets()}.",
    )


def is_custom(preset: str) -> bool:
    """Return whether the inputs beside a preset count.

    Raises:
        InvalidInput: There is no such preset.

    """
    names = CUSTOM, *PRESETS
    if preset not in names:
        raise InvalidInput(f"preset is {quoted(preset)}, but it must be one of: {', '.join(names)}.")
    return preset == CUSTOM


def apply_preset(model: ModelPatcher, preset: str, settings: SamplingSettings) -> SamplingSettings:
    """Return settings with those of a preset for a model; raises InvalidInput unless it is Animate-X."""
    denoiser = require_animatex(model)
    return settings.with_preset(preset, denoiser.trained_on, denoiser.denoiser.puppet)
