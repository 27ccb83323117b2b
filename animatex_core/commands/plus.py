"""Options of Animate-X++, and its networks for `animate`."""

import argparse
from functools import partial
from os.path import isfile
from pathlib import Path
from typing import TypeVar

import torch

from ..checks import require_file
from ..models_folder import PLUS
from ..pipeline import Report
from ..plus.checkpoint import is_plus, read_plus
from ..plus.clip_sampling import GUIDANCE, PlusSampling
from ..plus.config import Variant
from ..plus.prompts import NEGATIVE_PROMPT, TYPICAL_PROMPT
from ..plus.schedule import SHIFT, STEPS
from ..plus.standalone import PlusFiles, load_animate_x_plus
from ..plus_pipeline import PlusAnimator, PlusSettings
from .chosen import Animate, Chosen, Load, refuse
from .options import PLUS_CLIP, models_folder, retarget_settings

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
        path = folder.find_plus(variant) or folder.require(PLUS[variant])
    if arguments.wan is not None:
        require_file(arguments.wan, "Wan transformer")
    return PlusFiles.find(folder, path, variant, arguments.wan)


def _load(
    files: PlusFiles, settings: PlusSettings, dtype: torch.dtype, device: torch.device, report: Report
) -> Animate:
    system = load_animate_x_plus(files, dtype, device, partial(report, "loading"))
    return partial(PlusAnimator(system, report).animate, settings=settings)


def _given(value: _Value | None, usual: _Value) -> _Value:
    return usual if value is None else value
