"""The sampling settings and the models that the options select."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from ..animate_x.components import PipelineComponents, load_components, load_small, require_files
from ..animate_x.dummy_components import NOTICE, dummy_components
from ..animate_x.sampling import SamplingSettings, Segments, Windows
from ..diffusion.guidance import Guidance
from ..hub import bundled
from ..utils.validation import require_file
from .options import models_folder
from .sampling_options import AUTO, GENERATED, SMALL

LongClip = Windows | Segments | None

LoadComponents = Callable[[torch.dtype, torch.device], PipelineComponents]
"""Loads all models onto a device, the denoiser in the given dtype."""


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
