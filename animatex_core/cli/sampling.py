"""Options of sampling: how, with which networks, and where."""

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

LoadNetworks = Callable[[torch.dtype, torch.device], PipelineComponents]
"""Loads networks, the denoiser in a type of weights, onto a device."""


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add steps, solver, long clips, device and model."""
    add_way_options(parser).add_argument(
        "--model", default=AUTO, metavar="FILE",
        help="a converted bundle or the released checkpoint; auto: the one in the models folder, or without "
        "one the built-in networks; small: these, trained on cartoons; generated: untrained ones, to see "
        "that all runs; animate-x-plus and animate-x-plus-full: Animate-X++; default: %(default)s",
    )  # fmt: skip


def add_way_options(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add steps, solver, long clips and device: how any model samples; return their group."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--size", type=parse_size, default=(None, None), metavar="WxH",
        help="pixels; default: 512x768 for the released model, for another what it was trained on",
    )  # fmt: skip
    group.add_argument(
        "--reference-form", choices=get_args(ReferenceForm),
        help="as what the model is shown the reference; default: as it was trained, the released one with "
        "the picture",
    )  # fmt: skip
    small, released = SamplingSettings.for_small_bundle(), SamplingSettings()
    group.add_argument(
        "--steps", type=positive, metavar="N",
        help=f"default: {released.steps}, as released; {small.steps} with the small networks",
    )  # fmt: skip
    group.add_argument(
        "--solver", choices=SOLVERS,
        help=f"default: {released.solver}, as released; {small.solver} with the small networks",
    )  # fmt: skip
    group.add_argument(
        "--guidance", type=float, metavar="X",
        help=f"guidance scale, 1 for none; default: {released.guidance.scale}, as released; "
        f"{small.guidance.scale} with the small networks",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    plans = group.add_mutually_exclusive_group()
    plans.add_argument(
        "--window", type=positive, metavar="N",
        help="for long clips: denoise overlapping windows of N frames, in constant memory; default: all at "
        "once, but windows of 8 with the small networks, which learned from so many",
    )  # fmt: skip
    plans.add_argument(
        "--segments",
        type=positive,
        metavar="N",
        help="for long clips: one after the other, segments of N frames, each from the last frame before it",
    )
    group.add_argument(
        "--overlap", type=int, metavar="N", help="frames that windows share; default: a quarter of --window"
    )
    group.add_argument(
        "--precision",
        choices=("auto", *PRECISIONS),
        default="auto",
        help="of the weights; default: by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    return group


def sampling_settings(arguments: argparse.Namespace) -> SamplingSettings:
    """Return how to sample: as given, else as suits the networks of --model."""
    takes_small = arguments.model != GENERATED and _denoiser(arguments) is None
    return given_sampling(
        arguments, SamplingSettings.for_small_bundle() if takes_small else SamplingSettings()
    )


def given_sampling(arguments: argparse.Namespace, usual: SamplingSettings) -> SamplingSettings:
    """Return how to sample: as given by `add_way_options`, else as usual."""
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


def choose_networks(arguments: argparse.Namespace) -> LoadNetworks:
    """Return how the networks of --model are loaded; their files are here, and what they mean is said.

    Raises InvalidInput for a file that is missing.
    """
    if arguments.model == GENERATED:
        print(NOTICE)
        return lambda dtype, device: dummy_components(dtype=dtype, device=device)
    folder, denoiser = models_folder(arguments), _denoiser(arguments)
    if denoiser is None:
        print(bundled.NOTICE)
        return partial(load_small, bundled.SHIPPED)
    require_file(denoiser, "model")
    require_files(folder)
    return partial(load_components, folder, denoiser)


def _denoiser(arguments: argparse.Namespace) -> Path | None:
    """Return the file of --model, which is not `GENERATED`; None for the small one."""
    if arguments.model == AUTO:
        return models_folder(arguments).find_denoiser()
    return None if arguments.model == SMALL else Path(arguments.model)
