"""Options of Animate-X++, and how `animate` checks and loads the model that --model selects."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from ..animate_x.animation import Animation, Report
from ..animate_x_plus.components import PlusFiles, load_animate_x_plus
from ..animate_x_plus.pipeline import AnimateXPlusPipeline
from ..animate_x_plus.preprocessing import NEGATIVE_PROMPT, TYPICAL_PROMPT
from ..animate_x_plus.sampling import GUIDANCE, SHIFT, STEPS, PlusSampling
from ..animate_x_plus.settings import PlusSettings
from ..driving import DrivingClip
from ..errors import InvalidInput
from ..hub.models_dir import PLUS_MODULES, Variant
from ..reference import Reference
from ..systems import ANIMATE_X, SYSTEMS, System
from ..utils.validation import require_file
from .options import models_folder
from .retarget_options import retarget_settings

NOT_FOR_PLUS = "only available for Animate-X, but this is Animate-X++: leave it out"
_Value = TypeVar("_Value")

Animate = Callable[[Reference, DrivingClip], Animation]
"""Animates a reference with a driving video, with models that are loaded."""

Load = Callable[[torch.dtype, torch.device, Report], Animate]
"""Loads the models for a device, the denoiser in the given dtype; reports the progress of all stages."""


@dataclass(frozen=True)
class SelectedModel:
    """A model with valid settings.

    Args:
        usual: Defaults of the options that select frames.
        find: Finds the files of the model and returns a function that loads them; raises InvalidInput if
            one is missing.

    """

    usual: Mapping[str, int]
    find: Callable[[], Load]

    def completed(self, arguments: argparse.Namespace) -> argparse.Namespace:
        """Return the arguments with the defaults of this model for unset options."""
        return argparse.Namespace(**{**self.usual, **vars(arguments)})


def refuse_options(arguments: argparse.Namespace, options: Iterable[str], why: str) -> None:
    """Raise InvalidInput if one of these options is set.

    Args:
        arguments: The parsed arguments.
        options: Names of arguments, None where unset.
        why: The end of the sentence, after "--option is".

    """
    for option in options:
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"--{option.replace('_', '-')} is {why}.")


def add_plus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only Animate-X++ has."""
    group = parser.add_argument_group(
        "Animate-X++ (--model animate-x-plus, --model animate-x-plus-full, or one of its files)",
        f"The defaults match the official code: 480x832, {STEPS} steps, guidance {GUIDANCE['simple']:g}, for "
        f"the full variant {GUIDANCE['full']:g}.",
    )
    group.add_argument(
        "--prompt",
        metavar="TEXT",
        help=f"the scene and the motion of the background; default: {TYPICAL_PROMPT!r}",
    )
    group.add_argument(
        "--negative-prompt", metavar="TEXT", help="what to avoid; default: the official prompt, in Chinese"
    )
    group.add_argument(
        "--shift",
        type=float,
        metavar="X",
        help=f"shift of the noise schedule towards more noise; default: {SHIFT:g}",
    )
    group.add_argument(
        "--teacache",
        type=float,
        metavar="X",
        help="skip steps that change little, up to this threshold (0.3 in the official code); default: off",
    )
    group.add_argument(
        "--wan",
        type=Path,
        metavar="FILE",
        help="Wan's image-to-video transformer; default: the one in the models folder",
    )


def select_plus(arguments: argparse.Namespace, system: System, variant: Variant) -> SelectedModel:
    """Return Animate-X++ with the settings of the options.

    Raises:
        InvalidInput: An option is invalid, or not available for Animate-X++.

    """
    refuse_options(arguments, ANIMATE_X.sampling_options, NOT_FOR_PLUS)
    settings = plus_settings(arguments, variant)

    def find() -> Load:
        return partial(_load, _files(arguments, variant), settings)

    return SelectedModel(system.frame_choice, find)


def plus_settings(arguments: argparse.Namespace, variant: Variant) -> PlusSettings:
    """Return the settings of the options; unset ones match the official code."""
    default, defaults = PlusSampling.released(variant), PlusSettings()
    width, height = arguments.size
    sampling = PlusSampling(
        steps=_or_default(arguments.steps, default.steps),
        guidance=_or_default(arguments.guidance, default.guidance),
        shift=_or_default(arguments.shift, default.shift),
        seed=arguments.seed,
        teacache=arguments.teacache,
    )
    return PlusSettings(
        prompt=_or_default(arguments.prompt, TYPICAL_PROMPT),
        negative_prompt=_or_default(arguments.negative_prompt, NEGATIVE_PROMPT),
        width=_or_default(width, defaults.width),
        height=_or_default(height, defaults.height),
        retarget=retarget_settings(arguments),
        sampling=sampling,
    )


def _files(arguments: argparse.Namespace, variant: Variant) -> PlusFiles:
    folder, path = models_folder(arguments), Path(arguments.model)
    if arguments.model in SYSTEMS:
        path = folder.find_plus(variant) or folder.require(PLUS_MODULES[variant])
    if arguments.wan is not None:
        require_file(arguments.wan, "Wan transformer")
    return PlusFiles.find(folder, path, variant, arguments.wan)


def _load(
    files: PlusFiles, settings: PlusSettings, dtype: torch.dtype, device: torch.device, report: Report
) -> Animate:
    components = load_animate_x_plus(files, dtype, device, partial(report, "loading"))
    return partial(AnimateXPlusPipeline(components, report).animate, settings=settings)


def _or_default(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value
