"""How each system is trained, which system a configuration trains, and reading its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch

from ..animate_x.checkpoint import FORMAT as DENOISER
from ..animate_x.training_spec import TrainingSpec
from ..checkpoints.safe_load import open_tensors, read_metadata
from ..errors import InvalidInput, WrongCheckpoint
from ..systems import ANIMATE_X, ANIMATE_X_PLUS
from ..utils.documents import document_errors, parse_json
from ..utils.validation import require_int, short_repr
from .animate_x.config import TrainingConfig
from .animate_x_plus.batches import PlusBatchMaker
from .animate_x_plus.config import PlusTrainingConfig, TaskBatchKind
from .animate_x_plus.folder import WanClipFolder
from .loop.batch_schedule import Position
from .loop.checkpoint import FORMAT, Checkpoint, checkpoints, latest_checkpoint
from .loop.config import MAX_SEED, BatchKind, RunConfig
from .loop.cost import StepCost
from .loop.interfaces import BatchMaker, TrainingTask

if TYPE_CHECKING:
    from .animate_x.batches import DenoiserBatchMaker
    from .animate_x.preview import Preview
    from .loop.trainer import Trainer


class TrainingSystem(Protocol):
    """How a system is trained. Every configuration that it receives is of its `config_type`."""

    @property
    def config_type(self) -> type[RunConfig]:
        """The class of its configurations."""
        ...

    def config(self, values: Mapping[str, Any]) -> RunConfig:
        """Build a configuration from its entries; raises InvalidInput if one is invalid."""
        ...

    def maker(self, config: Any) -> BatchMaker:
        """Open the data; raises InvalidInput if it cannot be used."""
        ...

    def task(self, maker: Any) -> TrainingTask:
        """Return the task that trains on the batches of a maker."""
        ...

    def cost(self, config: Any, kind: BatchKind) -> StepCost:
        """Count the operations and memory of a training step, with Mamba's scans in their kernel."""
        ...

    def check_memory(self, config: Any, device: torch.device, processes: int) -> None:
        """Raise OutOfMemory if a step needs more memory than the device, shared by `processes`, has free."""
        ...

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write the averaged weights; raises StorageError if they cannot be written."""
        ...

    def preview(self, training: "Trainer") -> "Preview | None":
        """Return what samples preview videos, None if the configuration has no preview."""
        ...


class DenoiserSystem:
    """The training of Animate-X."""

    config_type: type[RunConfig] = TrainingConfig

    def config(self, values: Mapping[str, Any]) -> TrainingConfig:
        """Build a configuration of Animate-X."""
        return TrainingConfig.from_dict(values)

    def maker(self, config: TrainingConfig) -> BatchMaker:
        """Open the shards and the explicit pose indicator."""
        from .animate_x.batches import DenoiserBatchMaker, open_dataset, open_epi

        dataset = open_dataset(config.data)
        return DenoiserBatchMaker(config, dataset, open_epi(config.epi, dataset))

    def task(self, maker: "DenoiserBatchMaker") -> TrainingTask:
        """Return the denoiser's task."""
        from .animate_x.task import DenoisingTask

        return DenoisingTask(maker)

    def cost(self, config: TrainingConfig, kind: BatchKind) -> StepCost:
        """Count a step."""
        from .animate_x.cost import step_cost

        return step_cost(config, kind)

    def check_memory(self, config: TrainingConfig, device: torch.device, processes: int) -> None:
        """Count a step of every kind of batch, unless it fits in any case."""
        from .animate_x.cost import check_memory

        check_memory(config, device, processes)

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write the file of a denoiser."""
        from .animate_x.task import export_denoiser

        export_denoiser(checkpoint, target, dtype)

    def preview(self, training: "Trainer") -> "Preview | None":
        """Load the decoder, if the configuration names one."""
        from .animate_x.batches import DenoiserBatchMaker
        from .animate_x.preview import Preview

        maker = training.maker
        assert isinstance(maker, DenoiserBatchMaker)
        config = maker.config.preview
        if config.autoencoder is None:
            return None
        return Preview.open(config, maker, training.accelerator.device)


class PlusSystem:
    """The training of Animate-X++, both variants."""

    config_type: type[RunConfig] = PlusTrainingConfig

    def config(self, values: Mapping[str, Any]) -> PlusTrainingConfig:
        """Build a configuration of Animate-X++."""
        return PlusTrainingConfig.from_dict(values)

    def maker(self, config: PlusTrainingConfig) -> PlusBatchMaker:
        """Open the clips and the explicit pose indicator."""
        from .animate_x.batches import open_epi

        clips = WanClipFolder.open(config.data.path)
        for kind in config.batches:
            clips.count(kind.task)
        dances = any(kind.task == "animation" for kind in config.batches)
        return PlusBatchMaker(config, clips, open_epi(config.epi, clips) if dances else None)

    def task(self, maker: PlusBatchMaker) -> TrainingTask:
        """Return the task of the added modules and the LoRA."""
        from .animate_x_plus.task import PlusTask

        return PlusTask(maker.config)

    def cost(self, config: PlusTrainingConfig, kind: BatchKind) -> StepCost:
        """Count a step of one task."""
        assert isinstance(kind, TaskBatchKind)
        from .animate_x_plus.cost import step_cost

        return step_cost(config, kind)

    def check_memory(self, config: PlusTrainingConfig, device: torch.device, processes: int) -> None:
        """Count a step of every kind of batch, unless the transformer is small."""
        from .animate_x_plus.cost import check_memory

        check_memory(config, device, processes)

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write a checkpoint in the official format."""
        from .animate_x_plus.task import export_plus

        export_plus(checkpoint, target, dtype)

    def preview(self, training: "Trainer") -> None:
        """Return None: a LoRA is previewed in ComfyUI."""


TRAININGS: Mapping[str, TrainingSystem] = MappingProxyType(
    {ANIMATE_X.family: DenoiserSystem(), ANIMATE_X_PLUS.family: PlusSystem()}
)
"""How systems are trained, by `System.family`."""


def system_of(config: RunConfig) -> TrainingSystem:
    """Return how the system of a configuration is trained."""
    return next(training for training in TRAININGS.values() if isinstance(config, training.config_type))


def parse_config(values: Mapping[str, Any]) -> RunConfig:
    """Build the configuration of any system from its entries; without `system`, it is Animate-X.

    Raises:
        InvalidInput: If an entry is unknown, missing or invalid.

    """
    if "system" not in values:
        return TRAININGS[ANIMATE_X.family].config(values)
    name, plus = values["system"], ANIMATE_X_PLUS.family
    if name != plus:
        raise InvalidInput(f"system is {short_repr(name)}: leave it out, or set it to {plus}.")
    return TRAININGS[plus].config(values)


ModelKind = Literal["checkpoint", "denoiser", "other"]
"""checkpoint: of a training. denoiser: converted or exported. other: such as an official checkpoint."""


def kind_of_file(path: Path) -> ModelKind:
    """Return what a file of weights is; raises CheckpointError if it cannot be read."""
    kinds: dict[str | None, ModelKind] = {FORMAT: "checkpoint", DENOISER: "denoiser"}
    return kinds.get(read_metadata(path).get("format"), "other")


def is_training(path: Path) -> bool:
    """Return whether a path is the folder of a training run."""
    return bool(checkpoints(path))


def model_file(path: Path) -> Path:
    """Return the latest checkpoint of the folder of a training run, and any other path as it is."""
    return latest_checkpoint(path) if is_training(path) else path


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint. Its tensors are memory-mapped.

    Raises:
        CheckpointError: If the file is damaged or not a training checkpoint.

    """
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise WrongCheckpoint(f"{path} is not a checkpoint of a training: give one that `train` wrote.")
    with document_errors(
        f"{path} has unusable settings", "resume from an earlier checkpoint", WrongCheckpoint
    ):
        state = parse_json(metadata["state"])
        config = parse_config(parse_json(metadata["config"]))
        clips = metadata.get("trained_on")
        trained_on = None if clips is None else TrainingSpec.from_dict(parse_json(clips))
        position, scaler = _position(state), dict(state["scaler"])
    return Checkpoint(config, position, open_tensors(path, weights=False), trained_on, scaler)


def _position(state: Mapping[str, Any]) -> Position:
    for name in ("step", "samples"):
        require_int(name, state[name], least=0, most=MAX_SEED)
    return Position(state["step"], state["samples"])
