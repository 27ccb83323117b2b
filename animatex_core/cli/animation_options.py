"""Options of an animation: model, device and sampling, and those of Animate-X++ alone."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from ..animate_x.defaults import OFFICIAL, SMALL_BUNDLE, SamplingDefaults
from ..animate_x.presets import AUTOMATIC, PRESETS, STANDARD, describe_presets
from ..animate_x.training_spec import ReferenceForm
from ..animate_x_plus.defaults import GUIDANCE, SHIFT, STEPS, TYPICAL_PROMPT
from ..errors import InvalidInput
from ..utils.validation import parse_size
from .options import PRECISION_NAMES, SOLVER_NAMES, flag_of, positive

AUTO, SMALL, GENERATED = "auto", "small", "generated"
OVERLAPPING, ALTERNATING = "overlapping", "alternating"


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of sampling, and --model."""
    add_common_sampling_options(parser, STANDARD).add_argument(
        "--model",
        default=AUTO,
        metavar="FILE",
        help="a converted file or the official checkpoint; auto: the one in the models folder, or without "
        "one the small built-in models; small: always the built-in models, trained on cartoons; generated: "
        "untrained models, to test the pipeline; animate-x-plus, animate-x-plus-full: Animate-X++; default: "
        "%(default)s",
    )


def add_preset_option(parser: argparse.ArgumentParser) -> None:
    """Add --preset, which gives the defaults of other options of sampling."""
    group = parser.add_argument_group("preset of the sampling (not for Animate-X++)")
    group.add_argument(
        "--preset",
        choices=PRESETS,
        help="defaults of --solver, --steps, --guidance, --window and --overlap. "
        f"{describe_presets()}; default: {AUTOMATIC}",
    )


def add_common_sampling_options(
    parser: argparse.ArgumentParser, usual: SamplingDefaults = OFFICIAL
) -> "argparse._ArgumentGroup":
    """Add the options that apply to every model: size, solver, long videos, precision and device.

    Args:
        parser: The parser of the command.
        usual: What the help says are the defaults with the official weights.

    Returns:
        Their group.

    """
    is_official = usual == OFFICIAL
    source = ", as in the official code" if is_official else " with the official weights"
    window = "all frames at once" if is_official else "windows of 32, the length of the training clips"
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--size",
        type=parse_size,
        default=(None, None),
        metavar="WxH",
        help="width and height in pixels; default: 512x768 for the official model, else its training size",
    )
    group.add_argument(
        "--reference-form",
        choices=get_args(ReferenceForm),
        help="how the model sees the reference; default: as in its training, the official one as an image",
    )
    small = SMALL_BUNDLE
    group.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help=f"number of steps; default: {usual.steps}{source}; {small.steps} with the small models",
    )
    group.add_argument(
        "--solver",
        choices=SOLVER_NAMES,
        help=f"default: {usual.solver}{source}; {small.solver} with the small models",
    )
    group.add_argument(
        "--guidance",
        type=float,
        metavar="X",
        help=f"guidance scale, 1 disables guidance; default: {usual.guidance}, as in the official code; "
        f"{small.guidance} with the small models",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the noise; default: %(default)s"
    )
    plans = group.add_mutually_exclusive_group()
    plans.add_argument(
        "--window",
        type=positive,
        metavar="N",
        help="for long videos: denoise overlapping windows of N frames, in constant memory; default: "
        f"{window}; the small models use windows of 4, the length of theirs",
    )
    plans.add_argument(
        "--segments",
        type=positive,
        metavar="N",
        help="for long videos: sample segments of N frames, each from the last frame of the previous one",
    )
    group.add_argument(
        "--overlap", type=int, metavar="N", help="frames that windows share; default: a quarter of --window"
    )
    group.add_argument(
        "--window-schedule",
        choices=(OVERLAPPING, ALTERNATING),
        help="alternating: windows without overlap, which move by half their length from step to step; long "
        f"videos take fewer of them, but it needs at least two steps; default: {OVERLAPPING}",
    )
    group.add_argument(
        "--precision",
        choices=("auto", *PRECISION_NAMES),
        default="auto",
        help="data type of the weights; default: auto, by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    return group


NOT_FOR_PLUS = "only available for Animate-X, but this is Animate-X++: leave it out"


def refuse_options(arguments: argparse.Namespace, options: Iterable[str], why: str) -> None:
    """Raise InvalidInput if one of these options is set.

    Args:
        arguments: The parsed arguments.
        options: Names of arguments, None where unset.
        why: The end of the sentence, after "--option is".

    """
    for option in options:
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"{flag_of(option)} is {why}.")


def add_plus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only Animate-X++ has."""
    group = parser.add_argument_group(
        "Animate-X++ (--model animate-x-plus, --model animate-x-plus-full, or one of its files)",
        f"The defaults match the official code: 480x832, {STEPS} steps, guidance "
        f"{GUIDANCE['simple']:g}, for the full variant {GUIDANCE['full']:g}.",
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
