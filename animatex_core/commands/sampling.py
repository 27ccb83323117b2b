"""Options of sampling: how, with which networks, and where."""

import argparse
from pathlib import Path

import torch

from ..checks import require_file
from ..device import PRECISIONS, choose_dtype
from ..diffusion.guidance import Guidance
from ..diffusion.solvers import SOLVERS
from ..generated_networks import NOTICE, generated_networks
from ..networks import Networks, load_networks, require_files
from ..sampling import SamplingSettings, Segments, Windows
from .options import models_folder, positive, size

GENERATED = "generated"


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add steps, solver, long clips, model and device."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--size", type=size, default=(512, 768), metavar="WxH", help="pixels; default: 512x768"
    )
    group.add_argument(
        "--steps", type=positive, default=30, metavar="N", help="default: %(default)s, as released"
    )
    group.add_argument("--solver", choices=SOLVERS, default="ddim", help="default: %(default)s, as released")
    group.add_argument(
        "--guidance",
        type=float,
        default=2.5,
        metavar="X",
        help="guidance scale, 1 for none; default: %(default)s",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    plans = group.add_mutually_exclusive_group()
    plans.add_argument(
        "--window", type=positive, metavar="N",
        help="for long clips: denoise overlapping windows of N frames, in constant memory",
    )  # fmt: skip
    plans.add_argument(
        "--segments",
        type=positive,
        metavar="N",
        help="for long clips: one after the other, segments of N frames, each from the last frame before it",
    )
    group.add_argument(
        "--overlap", type=int, metavar="N", help="frames that windows share; default: a quarter of a window"
    )
    group.add_argument(
        "--model", default="auto", metavar="FILE",
        help="a converted bundle or the released checkpoint; auto: the one in the models folder, or without "
        "one small generated weights; generated: these; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--precision",
        choices=("auto", *PRECISIONS),
        default="auto",
        help="of the weights; default: by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")


def sampling_settings(arguments: argparse.Namespace) -> SamplingSettings:
    """Return how to sample."""
    return SamplingSettings(
        solver=arguments.solver,
        steps=arguments.steps,
        guidance=Guidance(arguments.guidance),
        seed=arguments.seed,
        long_clip=_long_clip(arguments),
    )


def _long_clip(arguments: argparse.Namespace) -> Windows | Segments | None:
    if arguments.segments is not None:
        return Segments(arguments.segments)
    if arguments.window is None:
        return None
    overlap = arguments.window // 4 if arguments.overlap is None else arguments.overlap
    return Windows(arguments.window, overlap)


def find_denoiser(arguments: argparse.Namespace) -> Path | None:
    """The file of the denoiser, None for generated weights; the files that go with it are here too."""
    folder = models_folder(arguments)
    if arguments.model == GENERATED:
        denoiser = None
    else:
        denoiser = folder.find_denoiser() if arguments.model == "auto" else Path(arguments.model)
    if denoiser is None:
        print(NOTICE)
        return None
    require_file(denoiser, "model")
    require_files(folder)
    return denoiser


def build_networks(arguments: argparse.Namespace, denoiser: Path | None, device: torch.device) -> Networks:
    """Load the released networks, or generate small ones."""
    dtype = choose_dtype(arguments.precision, device)
    if denoiser is None:
        return generated_networks(dtype=dtype, device=device)
    return load_networks(models_folder(arguments), denoiser, dtype, device)
