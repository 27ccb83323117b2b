"""The settings and models that the options select, checked before anything is loaded."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..animate_x.animation import Report
from ..animate_x.animator import Animator
from ..animate_x.checkpoint import read_training
from ..animate_x.components import (
    NOTICE,
    PipelineComponents,
    dummy_components,
    load_components,
    load_small,
    require_files,
)
from ..animate_x.config import DenoiserConfig
from ..animate_x.presets import AUTOMATIC
from ..animate_x.settings import SamplingSettings, replace_given
from ..animate_x.training_spec import RELEASED, TrainingSpec
from ..animate_x_plus.components import PlusFiles, load_animate_x_plus
from ..animate_x_plus.pipeline import AnimateXPlusPipeline
from ..animate_x_plus.sampling import PlusSampling
from ..animate_x_plus.settings import PlusSettings
from ..diffusion.guidance import Guidance
from ..hub import bundled
from ..hub.models_dir import AUTOENCODERS, OPEN_CLIP, PLUS_MODULES, Variant
from ..systems import ANIMATE_X, SYSTEMS, System, system_of_model
from ..utils.validation import require_file
from .animation_options import AUTO, GENERATED, NOT_FOR_PLUS, SMALL, refuse_options
from .options import models_folder
from .retarget_options import retarget_settings
from .window_options import long_clip

LoadComponents = Callable[[torch.dtype, torch.device], PipelineComponents]
"""Loads all models onto a device, the denoiser in the given dtype."""


def sampling_settings(
    arguments: argparse.Namespace, training: tuple[DenoiserConfig, TrainingSpec] | None
) -> SamplingSettings:
    """Return the settings for what `denoiser_training` found; unset options are those of --preset."""
    config, trained_on = training or (DenoiserConfig.released(), RELEASED)
    preset = arguments.preset or AUTOMATIC
    return given_sampling(arguments, SamplingSettings().with_preset(preset, trained_on, config.puppet))


def given_sampling(arguments: argparse.Namespace, usual: SamplingSettings) -> SamplingSettings:
    """Return the settings of `add_common_sampling_options`; unset ones are taken from `usual`."""
    return replace_given(
        usual,
        solver=arguments.solver,
        steps=arguments.steps,
        guidance=None if arguments.guidance is None else Guidance(arguments.guidance),
        seed=arguments.seed,
        long_clip=long_clip(arguments, usual.long_clip),
    )


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


def denoiser_training(arguments: argparse.Namespace) -> tuple[DenoiserConfig, TrainingSpec] | None:
    """Return the sizes of the denoiser of --model and what it was trained on, without loading it.

    Returns:
        Both; None if the file is missing, which `select_components` refuses.

    Raises:
        CheckpointError: The file is damaged.

    """
    if arguments.model == GENERATED:
        return DenoiserConfig.released(), RELEASED
    file = _denoiser(arguments) or bundled.BUNDLED_MODELS.denoiser
    return read_training(file) if file.is_file() else None


def model_files(arguments: argparse.Namespace) -> list[Path]:
    """Return all files of the model that --model selects.

    Raises:
        InvalidInput: A file is missing.

    """
    folder, system = models_folder(arguments), system_of_model(arguments.model)
    if arguments.model == GENERATED:
        return []
    if system.variant is not None:
        files = vars(_files(arguments, system.variant)).values()
        return [path for path in files if isinstance(path, Path)]
    denoiser = _denoiser(arguments)
    if denoiser is None:
        return sorted(bundled.BUNDLED_MODELS.denoiser.parent.glob("*.safetensors"))
    return [denoiser, folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)]


def load_generated(dtype: torch.dtype, device: torch.device) -> PipelineComponents:
    """Return the untrained components of `generated`."""
    return dummy_components(dtype=dtype, device=device)


def _denoiser(arguments: argparse.Namespace) -> Path | None:
    """Return the file of --model, unless it is `GENERATED`; None for the small model."""
    if arguments.model == AUTO:
        return models_folder(arguments).find_denoiser()
    return None if arguments.model == SMALL else Path(arguments.model)


Load = Callable[[torch.dtype, torch.device, Report], Animator[Any, Any]]
"""Loads the models for a device, the denoiser in the given dtype; reports the progress of all stages."""


@dataclass(frozen=True)
class SelectedModel:
    """A model with valid settings.

    Args:
        usual: Defaults of the options that select frames.
        settings: What `Animator.animate` takes.
        find: Finds the files of the model and returns a function that loads them; raises InvalidInput if
            one is missing.

    """

    usual: Mapping[str, int]
    settings: Any
    find: Callable[[], Load]

    def completed(self, arguments: argparse.Namespace) -> argparse.Namespace:
        """Return the arguments with the defaults of this model for unset options."""
        return argparse.Namespace(**{**self.usual, **vars(arguments)})


def select_plus(arguments: argparse.Namespace, system: System, variant: Variant) -> SelectedModel:
    """Return Animate-X++ with the settings of the options.

    Raises:
        InvalidInput: An option is invalid, or not available for Animate-X++.

    """
    refuse_options(arguments, ANIMATE_X.sampling_options, NOT_FOR_PLUS)

    def find() -> Load:
        return partial(_load, _files(arguments, variant))

    return SelectedModel(system.frame_choice, plus_settings(arguments, variant), find)


def plus_settings(arguments: argparse.Namespace, variant: Variant) -> PlusSettings:
    """Return the settings of the options; unset ones match the official code."""
    return PlusSettings(sampling=PlusSampling.released(variant)).override(
        prompt=arguments.prompt,
        negative_prompt=arguments.negative_prompt,
        size=arguments.size,
        retarget=retarget_settings(arguments),
        seed=arguments.seed,
        steps=arguments.steps,
        guidance=arguments.guidance,
        shift=arguments.shift,
        teacache=arguments.teacache,
    )


def _files(arguments: argparse.Namespace, variant: Variant) -> PlusFiles:
    folder, path = models_folder(arguments), Path(arguments.model)
    if arguments.model in SYSTEMS:
        path = folder.find_plus(variant) or folder.require(PLUS_MODULES[variant])
    if arguments.wan is not None:
        require_file(arguments.wan, "Wan transformer")
    return PlusFiles.find(folder, path, variant, arguments.wan)


def _load(files: PlusFiles, dtype: torch.dtype, device: torch.device, report: Report) -> AnimateXPlusPipeline:
    return AnimateXPlusPipeline(load_animate_x_plus(files, dtype, device, partial(report, "loading")), report)
