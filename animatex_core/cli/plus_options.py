"""Options of Animate-X++, its networks for `animate`, and what --model selects."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from os.path import isfile
from pathlib import Path
from typing import TypeVar

import torch

from ..animate_x.animation import Animation, Report
from ..animate_x_plus.checkpoint import is_plus, read_plus
from ..animate_x_plus.components import PlusFiles, load_animate_x_plus
from ..animate_x_plus.pipeline import AnimateXPlusPipeline
from ..animate_x_plus.preprocessing import NEGATIVE_PROMPT, TYPICAL_PROMPT
from ..animate_x_plus.sampling import GUIDANCE, SHIFT, STEPS, PlusSampling
from ..animate_x_plus.settings import PlusSettings
from ..driving import DrivingClip
from ..errors import InvalidInput
from ..hub.models_dir import PLUS_MODULES, Variant
from ..reference import Reference
from ..utils.validation import require_file
from .options import PLUS_CLIP, models_folder, retarget_settings

Animate = Callable[[Reference, DrivingClip], Animation]
"""Animates with networks that are loaded."""

Load = Callable[[torch.dtype, torch.device, Report], Animate]
"""Loads networks, the denoiser in a type of weights, for a device; tells how far it and they are."""


@dataclass(frozen=True)
class Chosen:
    """A model whose settings are known to be possible.

    usual: what options of frames come to where they are not given. find: looks for the files and tells how
    they are loaded; raises InvalidInput where one is missing.
    """

    usual: Mapping[str, int]
    find: Callable[[], Load]

    def completed(self, arguments: argparse.Namespace) -> argparse.Namespace:
        """Return the arguments with what was not given as usual."""
        return argparse.Namespace(**{**self.usual, **vars(arguments)})


def refuse(arguments: argparse.Namespace, options: Iterable[str], why: str) -> None:
    """Raise InvalidInput where an option was given that the model does not know."""
    for option in options:
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"--{option.replace('_', '-')} is {why}.")


VARIANTS: dict[str, Variant] = {"animate-x-plus": "simple", "animate-x-plus-full": "full"}
OPTIONS = ("prompt", "negative_prompt", "shift", "teacache", "wan")
_Value = TypeVar("_Value")
_FOREIGN = ("solver", "window", "segments", "overlap", "reference_form")


def add_plus_options(parser: argparse.ArgumentParser) -> None:
    """Add what Animate-X++ alone knows."""
    group = parser.add_argument_group(
        "Animate-X++ (--model animate-x-plus, --model animate-x-plus-full, or one of its files)",
        f"The defaults are as released: 480x832, {STEPS} steps, guidance {GUIDANCE['simple']:g}, of the full "
        f"variant {GUIDANCE['full']:g}.",
    )
    group.add_argument(
        "--prompt", metavar="TEXT",
        help=f"what is seen and how the background moves; default: {TYPICAL_PROMPT!r}",
    )  # fmt: skip
    group.add_argument(
        "--negative-prompt", metavar="TEXT", help="what shall not be seen; default: as released, in Chinese"
    )
    group.add_argument(
        "--shift", type=float, metavar="X", help=f"of the sigmas towards the noise; default: {SHIFT:g}"
    )
    group.add_argument(
        "--teacache", type=float, metavar="X",
        help="skip steps that say little new, up to this threshold: 0.3 in the authors' code; default: off",
    )  # fmt: skip
    group.add_argument(
        "--wan", type=Path, metavar="FILE",
        help="Wan's image-to-video transformer; default: the one in the models folder",
    )  # fmt: skip


def variant_of(arguments: argparse.Namespace) -> Variant | None:
    """Return which variant --model asks for, None where it is another model or not here."""
    named = arguments.model
    if named in VARIANTS:
        return VARIANTS[named]
    return read_plus(named).config.variant if isfile(named) and is_plus(named) else None


def choose_plus(arguments: argparse.Namespace, variant: Variant) -> Chosen:
    """Return how Animate-X++ animates; raises InvalidInput for options that cannot be."""
    refuse(arguments, _FOREIGN, "for Animate-X alone, and this is Animate-X++: leave it out")
    settings = plus_settings(arguments, variant)

    def find() -> Load:
        return partial(_load, _files(arguments, variant), settings)

    return Chosen(PLUS_CLIP, find)


def plus_settings(arguments: argparse.Namespace, variant: Variant) -> PlusSettings:
    """Return what was asked for, and what the release does where nothing was."""
    usual, whole = PlusSampling.released(variant), PlusSettings()
    width, height = arguments.size
    sampling = PlusSampling(
        steps=_given(arguments.steps, usual.steps),
        guidance=_given(arguments.guidance, usual.guidance),
        shift=_given(arguments.shift, usual.shift),
        seed=arguments.seed,
        teacache=arguments.teacache,
    )
    return PlusSettings(
        prompt=TYPICAL_PROMPT if arguments.prompt is None else arguments.prompt,
        negative_prompt=NEGATIVE_PROMPT if arguments.negative_prompt is None else arguments.negative_prompt,
        width=_given(width, whole.width),
        height=_given(height, whole.height),
        retarget=retarget_settings(arguments),
        sampling=sampling,
    )


def _files(arguments: argparse.Namespace, variant: Variant) -> PlusFiles:
    folder, path = models_folder(arguments), Path(arguments.model)
    if arguments.model in VARIANTS:
        path = folder.find_plus(variant) or folder.require(PLUS_MODULES[variant])
    if arguments.wan is not None:
        require_file(arguments.wan, "Wan transformer")
    return PlusFiles.find(folder, path, variant, arguments.wan)


def _load(
    files: PlusFiles, settings: PlusSettings, dtype: torch.dtype, device: torch.device, report: Report
) -> Animate:
    system = load_animate_x_plus(files, dtype, device, partial(report, "loading"))
    return partial(AnimateXPlusPipeline(system, report).animate, settings=settings)


def _given(value: _Value | None, usual: _Value) -> _Value:
    return usual if value is None else value
