"""Options of sampling, of the model and of the device."""

import argparse
from typing import get_args

from ..animate_x.training_spec import ReferenceForm
from ..utils.arguments import parse_size
from .defaults import OFFICIAL, PRECISION_NAMES, SMALL_MODELS, SOLVER_NAMES
from .options import positive

AUTO, SMALL, GENERATED = "auto", "small", "generated"


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of sampling, and --model."""
    add_common_sampling_options(parser).add_argument(
        "--model",
        default=AUTO,
        metavar="FILE",
        help="a converted file or the official checkpoint; auto: the one in the models folder, or without "
        "one the small built-in models; small: always the built-in models, trained on cartoons; generated: "
        "untrained models, to test the pipeline; animate-x-plus, animate-x-plus-full: Animate-X++; default: "
        "%(default)s",
    )


def add_common_sampling_options(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add the options that apply to every model: size, solver, long videos, precision and device.

    Returns:
        Their group.

    """
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
    small, released = SMALL_MODELS, OFFICIAL
    group.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help=f"default: {released.steps}, as in the official code; {small.steps} with the small models",
    )
    group.add_argument(
        "--solver",
        choices=SOLVER_NAMES,
        help=f"default: {released.solver}, as in the official code; {small.solver} with the small models",
    )
    group.add_argument(
        "--guidance",
        type=float,
        metavar="X",
        help=f"guidance scale, 1 disables guidance; default: {released.guidance}, as in the official "
        f"code; {small.guidance} with the small models",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the noise; default: %(default)s"
    )
    plans = group.add_mutually_exclusive_group()
    plans.add_argument(
        "--window",
        type=positive,
        metavar="N",
        help="for long videos: denoise overlapping windows of N frames, in constant memory; default: all "
        "frames at once; the small models use windows of 8, the length of their training clips",
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
        "--precision",
        choices=("auto", *PRECISION_NAMES),
        default="auto",
        help="data type of the weights; default: auto, by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    return group
