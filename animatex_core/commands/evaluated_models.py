"""Models under test: the file of a denoiser, and the encoders that it was trained with."""

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from ..checkpoints.denoiser_file import FORMAT, DenoiserFile, read_denoiser
from ..checkpoints.safe_read import read_metadata
from ..checkpoints.strict import load_strictly
from ..checks import require_file
from ..errors import WrongCheckpoint
from ..generated_networks import generated_networks
from ..model.layers import UNINITIALISED
from ..model.trained_on import RELEASED, TrainedOn
from ..model.unet import AnimateXUNet
from ..networks import Networks, load_networks, load_small, require_files
from ..pose.cache import digest_file
from ..sampling import FOR_SMALL, SamplingSettings
from ..small_bundle import SHIPPED
from ..training.trainer.checkpoint import FORMAT as TRAINING
from ..training.trainer.checkpoint import checkpoints, latest_checkpoint, read_checkpoint
from ..training.trainer.export import denoiser_of
from .options import models_folder
from .sampling import AUTO, GENERATED, SMALL, LoadNetworks


@dataclass(frozen=True)
class Model:
    """A model that can be loaded. usual: the sampling that suits it. digest: of what it is."""

    load: LoadNetworks
    trained_on: TrainedOn
    usual: SamplingSettings
    digest: str


def is_training(path: Path) -> bool:
    """Whether a path is the folder of a training."""
    return bool(checkpoints(path))


def find_model(arguments: argparse.Namespace, what: str) -> Model:
    """Return what is meant by auto, small, generated, or by the path of a denoiser or of a training.

    A denoiser of the small one's width goes with the small encoders, others with the released ones.
    Raises InvalidInput for a file that is missing, CheckpointError for one that is no denoiser.
    """
    if what == GENERATED:
        return _generated()
    path = _path(arguments, what)
    require_file(path, "model")
    kind = read_metadata(path).get("format")
    if kind == TRAINING:
        return _small(path, _of_training(path))
    trained_on = RELEASED
    if kind == FORMAT:
        file = read_denoiser(path)
        if _goes_with_small(file):
            return _small(path, file)
        trained_on = file.trained_on
    folder = models_folder(arguments)
    require_files(folder)
    return Model(partial(load_networks, folder, path), trained_on, SamplingSettings(), digest_file(path))


def _path(arguments: argparse.Namespace, what: str) -> Path:
    if what == SMALL:
        return SHIPPED.denoiser
    if what == AUTO:
        return models_folder(arguments).find_denoiser() or SHIPPED.denoiser
    path = Path(what)
    return latest_checkpoint(path) if is_training(path) else path


def _generated() -> Model:
    def load(dtype: torch.dtype, device: torch.device) -> Networks:
        return generated_networks(dtype=dtype, device=device)

    trained_on = load(torch.float32, torch.device("cpu")).trained_on
    return Model(load, trained_on, SamplingSettings(), GENERATED)


def _of_training(path: Path) -> DenoiserFile:
    file = denoiser_of(read_checkpoint(path), str(path))
    if not _goes_with_small(file):
        raise WrongCheckpoint(
            f"{path} was not trained on the small encoders: give the file that `train --export` writes of it."
        )
    return file


def _goes_with_small(file: DenoiserFile) -> bool:
    return file.config.context_dim == read_denoiser(SHIPPED.denoiser).config.context_dim


def _small(path: Path, file: DenoiserFile) -> Model:
    return Model(partial(_load_small, path, file), file.trained_on, FOR_SMALL, digest_file(path))


def _load_small(path: Path, file: DenoiserFile, dtype: torch.dtype, device: torch.device) -> Networks:
    """The small networks, with the denoiser of a file."""
    unet = AnimateXUNet(file.config, UNINITIALISED, device="meta")
    load_strictly(unet, file.tensors, "the denoiser", str(path), dtype, device)
    networks = load_small(SHIPPED, dtype, device)
    context = networks.text_context if file.text_context is None else file.text_context.to(device, dtype)
    return replace(networks, unet=unet, text_context=context, trained_on=file.trained_on)
