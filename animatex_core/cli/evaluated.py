"""The systems that `animatex evaluate` measures."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from ..animate_x.checkpoint import DenoiserFile, read_denoiser
from ..animate_x.components import PipelineComponents, load_components, load_small, require_files
from ..animate_x.layers import UNINITIALISED
from ..animate_x.pipeline import AnimationSettings
from ..animate_x.sampling import SamplingSettings
from ..animate_x.training_spec import RELEASED, TrainingSpec
from ..animate_x.unet import AnimateXUNet
from ..checkpoints.validation import load_strictly
from ..errors import InvalidInput, WrongCheckpoint
from ..evaluation.benchmark.cases import Setting
from ..evaluation.benchmark.systems import PipelineSystem, RecordedSystem, Size, System
from ..hub.bundled import BUNDLED_MODELS
from ..pose.cache import digest_file
from ..retarget.settings import RetargetSettings
from ..training.animate_x.task import to_denoiser_file
from ..training.systems import is_training, kind_of_file, model_file, read_checkpoint
from ..utils.devices import choose_dtype
from ..utils.validation import require_file, safe_join
from .animation_options import AUTO, GENERATED, SMALL
from .engines import device_of_head, device_of_workers
from .options import models_folder
from .selected_models import LoadComponents, given_sampling, load_generated


@dataclass(frozen=True)
class LoadableModel:
    """A model that can be loaded, here or on another machine.

    Args:
        load: Loads all of its components.
        trained_on: What its denoiser was trained on.
        usual: The default sampling settings.
        digest: Identifies its weights.
        file: Of the denoiser; None if it is generated.

    """

    load: LoadComponents
    trained_on: TrainingSpec
    usual: SamplingSettings
    digest: str
    file: Path | None = None


def find_model(arguments: argparse.Namespace, what: str) -> LoadableModel:
    """Find a model, without loading its weights.

    A denoiser as wide as the small one is used with the small encoders, others with the official ones.

    Args:
        arguments: The parsed arguments.
        what: auto, small, generated, or the path of a denoiser or of the folder of a training run.

    Raises:
        InvalidInput: A file is missing.
        CheckpointError: The file is not a denoiser.

    """
    if what == GENERATED:
        trained_on = load_generated(torch.float32, torch.device("cpu")).trained_on
        return LoadableModel(load_generated, trained_on, SamplingSettings(), GENERATED)
    path = _path(arguments, what)
    require_file(path, "model")
    file = _read_file(path)
    if file is not None and _uses_small_encoders(file):
        usual = SamplingSettings.for_small_bundle()
        return LoadableModel(partial(_load_small, path), file.trained_on, usual, digest_file(path), path)
    trained_on = RELEASED if file is None else file.trained_on
    folder = models_folder(arguments)
    require_files(folder)
    load = partial(load_components, folder, path)
    return LoadableModel(load, trained_on, SamplingSettings(), digest_file(path), path)


def _path(arguments: argparse.Namespace, what: str) -> Path:
    if what == SMALL:
        return BUNDLED_MODELS.denoiser
    if what == AUTO:
        return models_folder(arguments).find_denoiser() or BUNDLED_MODELS.denoiser
    return model_file(Path(what))


def _read_file(path: Path) -> DenoiserFile | None:
    """Read a denoiser or the checkpoint of a training; None for the official weights."""
    kind = kind_of_file(path)
    if kind == "checkpoint":
        return _read_training(path)
    return read_denoiser(path) if kind == "denoiser" else None


def _read_training(path: Path) -> DenoiserFile:
    file = to_denoiser_file(read_checkpoint(path), str(path))
    if not _uses_small_encoders(file):
        raise WrongCheckpoint(
            f"{path} was not trained on the small encoders: use the file that `train --export` writes."
        )
    return file


def _uses_small_encoders(file: DenoiserFile) -> bool:
    return file.config.context_dim == read_denoiser(BUNDLED_MODELS.denoiser).config.context_dim


def _load_small(path: Path, dtype: torch.dtype, device: torch.device) -> PipelineComponents:
    """Load the small components, with the denoiser of a file."""
    file = _read_file(path)
    assert file is not None
    unet = AnimateXUNet(file.config, UNINITIALISED, device="meta")
    load_strictly(unet, file.tensors, "the denoiser", str(path), dtype, device)
    components = load_small(BUNDLED_MODELS, dtype, device)
    context = components.text_context if file.text_context is None else file.text_context.to(device, dtype)
    return replace(components, unet=unet, text_context=context, trained_on=file.trained_on)


@dataclass(frozen=True)
class NamedSystem:
    """A system on the command line: a model, or the folder of videos that another system made."""

    name: str
    source: LoadableModel | Path


def find_systems(arguments: argparse.Namespace) -> list[NamedSystem]:
    """Return the systems on the command line, after checking that all of their files exist.

    Raises:
        InvalidInput: A file is missing, or two systems have the same name.

    """
    systems = [_find_system(arguments, text) for text in arguments.systems]
    names = [system.name for system in systems]
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"Two systems are named {duplicates[0]}: give each a unique name, as NAME=SYSTEM.")
    for name in names:
        safe_join(arguments.out, name, "the folder of results")
    return systems


def files_of(systems: Sequence[NamedSystem]) -> list[Path]:
    """Return the files and folders that systems consist of, besides the models folder."""
    found = [each.source if isinstance(each.source, Path) else each.source.file for each in systems]
    return [path for path in found if path is not None]


def usual_size(systems: Sequence[NamedSystem]) -> Size:
    """Return (width, height) in pixels: the training size of the first model, else the official one."""
    models = [system.source for system in systems if isinstance(system.source, LoadableModel)]
    trained_on = models[0].trained_on if models else RELEASED
    return trained_on.width, trained_on.height


def open_system(arguments: argparse.Namespace, named: NamedSystem) -> System:
    """Return a system that can be run. It loads its models when they are first needed."""
    if isinstance(named.source, Path):
        only: Setting | None = arguments.setting[0] if len(arguments.setting) == 1 else None
        return RecordedSystem(named.name, named.source, only)
    return _open_model(arguments, named.name, named.source)


def _find_system(arguments: argparse.Namespace, text: str) -> NamedSystem:
    name, equals, what = text.rpartition("=")
    path = Path(what)
    if path.is_dir() and not is_training(path):
        return NamedSystem(name if equals else path.resolve().name, path)
    return NamedSystem(name if equals else path.stem, find_model(arguments, what))


def _open_model(arguments: argparse.Namespace, name: str, model: LoadableModel) -> PipelineSystem:
    device = device_of_workers(arguments)
    if arguments.precision == "auto" and device_of_head(arguments).type != device.type:
        raise InvalidInput(
            f"This machine has no {device.type}, so it cannot choose the precision of the workers: give it "
            "with --precision, such as bf16."
        )
    dtype = choose_dtype(arguments.precision, device)
    settings = AnimationSettings(
        retarget=RetargetSettings(mode=arguments.retarget),
        sampling=given_sampling(arguments, model.usual),
        reference_form=arguments.reference_form,
    )
    identity = {
        "model": model.digest,
        "sampling": asdict(settings.sampling),
        "retarget": arguments.retarget,
        "reference form": arguments.reference_form,
        "weights": str(dtype).removeprefix("torch."),
        "device": device.type,
    }
    return PipelineSystem(name, partial(model.load, dtype, device), settings, identity)
