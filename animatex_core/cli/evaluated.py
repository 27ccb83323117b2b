"""Systems under test, from the arguments of `animatex evaluate`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..animate_x.checkpoint import FORMAT, DenoiserFile, read_denoiser
from ..animate_x.components import PipelineComponents, load_components, load_small, require_files
from ..animate_x.dummy_components import dummy_components
from ..animate_x.layers import UNINITIALISED
from ..animate_x.pipeline import AnimationSettings
from ..animate_x.sampling import SamplingSettings
from ..animate_x.training_spec import RELEASED, TrainingSpec
from ..animate_x.unet import AnimateXUNet
from ..checkpoints.safe_load import read_metadata
from ..checkpoints.validation import load_strictly
from ..errors import InvalidInput, WrongCheckpoint
from ..evaluation.benchmark.cases import Case, Setting
from ..evaluation.benchmark.systems import PipelineSystem, RecordedSystem, Size, System
from ..hub.bundled import SHIPPED
from ..pose.cache import digest_file
from ..pose.keypoints import PoseSequence
from ..retarget.settings import RetargetSettings
from ..training.animate_x.task import to_denoiser_file
from ..training.loop.checkpoint import FORMAT as TRAINING
from ..training.loop.checkpoint import checkpoints, latest_checkpoint
from ..training.saved_runs import read_checkpoint
from ..training.synthetic.triples import Triple, draw_triple
from ..utils.devices import choose_device, choose_dtype
from ..utils.safe_paths import safe_join
from ..utils.validation import require_file
from .options import models_folder
from .sampling import AUTO, GENERATED, SMALL, LoadNetworks, given_sampling


@dataclass(frozen=True)
class Model:
    """A model that can be loaded. usual: the sampling that suits it. digest: of what it is."""

    load: LoadNetworks
    trained_on: TrainingSpec
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
    return Model(partial(load_components, folder, path), trained_on, SamplingSettings(), digest_file(path))


def _path(arguments: argparse.Namespace, what: str) -> Path:
    if what == SMALL:
        return SHIPPED.denoiser
    if what == AUTO:
        return models_folder(arguments).find_denoiser() or SHIPPED.denoiser
    path = Path(what)
    return latest_checkpoint(path) if is_training(path) else path


def _generated() -> Model:
    def load(dtype: torch.dtype, device: torch.device) -> PipelineComponents:
        return dummy_components(dtype=dtype, device=device)

    trained_on = load(torch.float32, torch.device("cpu")).trained_on
    return Model(load, trained_on, SamplingSettings(), GENERATED)


def _of_training(path: Path) -> DenoiserFile:
    file = to_denoiser_file(read_checkpoint(path), str(path))
    if not _goes_with_small(file):
        raise WrongCheckpoint(
            f"{path} was not trained on the small encoders: give the file that `train --export` writes of it."
        )
    return file


def _goes_with_small(file: DenoiserFile) -> bool:
    return file.config.context_dim == read_denoiser(SHIPPED.denoiser).config.context_dim


def _small(path: Path, file: DenoiserFile) -> Model:
    return Model(
        partial(_load_small, path, file),
        file.trained_on,
        SamplingSettings.for_small_bundle(),
        digest_file(path),
    )


def _load_small(
    path: Path, file: DenoiserFile, dtype: torch.dtype, device: torch.device
) -> PipelineComponents:
    """The small networks, with the denoiser of a file."""
    unet = AnimateXUNet(file.config, UNINITIALISED, device="meta")
    load_strictly(unet, file.tensors, "the denoiser", str(path), dtype, device)
    networks = load_small(SHIPPED, dtype, device)
    context = networks.text_context if file.text_context is None else file.text_context.to(device, dtype)
    return replace(networks, unet=unet, text_context=context, trained_on=file.trained_on)


@dataclass(frozen=True)
class Named:
    """A system as it was asked for: a model, or the folder of clips that another system made."""

    name: str
    source: Model | Path


def find_systems(arguments: argparse.Namespace) -> list[Named]:
    """Return the systems of the command line, whose files are all there; raises InvalidInput otherwise."""
    found = [_named(arguments, text) for text in arguments.systems]
    names = [each.name for each in found]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(
            f"Two systems are called {doubled[0]}: give each a name of its own, as NAME=SYSTEM."
        )
    for name in names:
        safe_join(arguments.out, name, "the folder of results")
    return found


def usual_size(systems: Sequence[Named]) -> Size:
    """Return the size that the first model was trained on; without a model, that of the release."""
    models = [each.source for each in systems if isinstance(each.source, Model)]
    trained_on = models[0].trained_on if models else RELEASED
    return trained_on.width, trained_on.height


def open_system(arguments: argparse.Namespace, named: Named) -> System:
    """Return a system that can be run; networks are loaded when it first needs them."""
    if isinstance(named.source, Path):
        only: Setting | None = arguments.setting[0] if len(arguments.setting) == 1 else None
        return RecordedSystem(named.name, named.source, only)
    return _animated(arguments, named.name, named.source)


def _named(arguments: argparse.Namespace, text: str) -> Named:
    name, equals, what = text.rpartition("=")
    path = Path(what)
    if path.is_dir() and not is_training(path):
        return Named(name if equals else path.resolve().name, path)
    return Named(name if equals else path.stem, find_model(arguments, what))


def _animated(arguments: argparse.Namespace, name: str, model: Model) -> PipelineSystem:
    device = choose_device(arguments.device)
    dtype = choose_dtype(arguments.precision, device)
    settings = AnimationSettings(
        retarget=RetargetSettings(mode=arguments.retarget),
        sampling=given_sampling(arguments, model.usual),
        reference_form=arguments.reference_form,
    )
    told = {
        "model": model.digest,
        "sampling": asdict(settings.sampling),
        "retarget": arguments.retarget,
        "reference form": arguments.reference_form,
        "weights": str(dtype).removeprefix("torch."),
        "device": device.type,
    }
    return PipelineSystem(name, lambda: model.load(dtype, device), settings, told)


FPS = 8.0  # of the written clips; the motion is timed in frames
HUMANS = 2**20  # triples that the humans are drawn from


@dataclass(frozen=True)
class ProceduralSet:
    """Made-up characters that no training saw; width, height: pixels; seed: of characters and motion."""

    count: int
    frames: int
    width: int
    height: int
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(f"{number:04}" for number in range(self.count))

    def case(self, number: int) -> Case:
        """Draw a character in motion."""
        target = self._triple(number).target
        return Case(self.names[number], target.frames[0], target.frames, target.poses, FPS)

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Draw a dancer who is a person: in some triples the character drives itself."""
        while True:
            triple = self._triple(int(rng.integers(HUMANS)))
            if triple.driver is not triple.target:
                return triple.driver.poses

    def identity(self) -> Mapping[str, Any]:
        """Return its numbers."""
        return {"procedural": asdict(self)}

    def _triple(self, number: int) -> Triple:
        return draw_triple(self.seed, number, self.frames, self.width, self.height, held_out=True)
