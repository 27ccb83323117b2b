"""Options of sampling, of the model and of the device, and the settings and models they select."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from ..animate_x.components import PipelineComponents, load_components, load_small, require_files
from ..animate_x.dummy_components import NOTICE, dummy_components
from ..animate_x.sampling import SamplingSettings, Segments, Windows
from ..animate_x.training_spec import ReferenceForm
from ..diffusion.guidance import Guidance
from ..diffusion.solvers import SOLVERS
from ..hub import bundled
from ..utils.arguments import parse_size
from ..utils.devices import PRECISIONS
from ..utils.validation import require_file
from .options import models_folder, positive

AUTO, SMALL, GENERATED = "auto", "small", "generated"

LongClip = Windows | Segments | None

LoadComponents = Callable[[torch.dtype, torch.device], PipelineComponents]
"""Loads all models onto a device, the denoiser in the given dtype."""


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
    small, released = SamplingSettings.for_small_bundle(), SamplingSettings()
    group.add_argument(
        "--steps",
        type=positive,
        metavar="N",
        help=f"default: {released.steps}, as in the official code; {small.steps} with the small models",
    )
    group.add_argument(
        "--solver",
        choices=SOLVERS,
        help=f"default: {released.solver}, as in the official code; {small.solver} with the small models",
    )
    group.add_argument(
        "--guidance",
        type=float,
        metavar="X",
        help=f"guidance scale, 1 disables guidance; default: {released.guidance.scale}, as in the official "
        f"code; {small.guidance.scale} with the small models",
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
        choices=("auto", *PRECISIONS),
        default="auto",
        help="data type of the weights; default: auto, by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    return group


def sampling_settings(arguments: argparse.Namespace) -> SamplingSettings:
    """Return the sampling settings, with the defaults that suit --model."""
    is_small = arguments.model != GENERATED and _denoiser(arguments) is None
    return given_sampling(arguments, SamplingSettings.for_small_bundle() if is_small else SamplingSettings())


def given_sampling(arguments: argparse.Namespace, usual: SamplingSettings) -> SamplingSettings:
    """Return the settings of the options of `add_way_options`; unset ones are taken from `usual`."""
    return replace(
        usual,
        solver=arguments.solver or usual.solver,
        steps=arguments.steps or usual.steps,
        guidance=usual.guidance if arguments.guidance is None else Guidance(arguments.guidance),
        seed=arguments.seed,
        long_clip=_long_clip(arguments, usual.long_clip),
    )


def _long_clip(arguments: argparse.Namespace, usual: LongClip) -> LongClip:
    if arguments.segments is not None:
        return Segments(arguments.segments)
    if arguments.window is None:
        return usual
    overlap = arguments.window // 4 if arguments.overlap is None else arguments.overlap
    return Windows(arguments.window, overlap)


def select_components(arguments: argparse.Namespace) -> LoadComponents:
    """Return a function that loads the models of --model; print a notice for unofficial ones.

    Raises:
        InvalidInput: A file is missing.

    """
    if arguments.model == GENERATED:
        print(NOTICE)
        return load_generated
    folder, denoiser = models_folder(arguments), _denoiser(arguments)
    if denoiser is None:
        print(bundled.NOTICE)
        return partial(load_small, bundled.BUNDLED_MODELS)
    require_file(denoiser, "model")
    require_files(folder)
    return partial(load_components, folder, denoiser)


def load_generated(dtype: torch.dtype, device: torch.device) -> PipelineComponents:
    """Return the untrained components of `generated`."""
    return dummy_components(dtype=dtype, device=device)


def _denoiser(arguments: argparse.Namespace) -> Path | None:
    """Return the file of --model, unless it is `GENERATED`; None for the small model."""
    if arguments.model == AUTO:
        return models_folder(arguments).find_denoiser()
    return None if arguments.model == SMALL else Path(arguments.model)
