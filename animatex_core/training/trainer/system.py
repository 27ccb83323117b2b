"""What the command needs of a system beside its training, and which system a configuration is of."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from .checkpoint import Checkpoint
from .config import TrainingConfig
from .cost import StepCost
from .learner import Maker
from .run_config import BatchKind, RunConfig

if TYPE_CHECKING:
    from .preview import Preview
    from .training import Training


class System(Protocol):
    """One system's ways; the configurations that it is given are its own."""

    def maker(self, config: Any) -> Maker:
        """Open the data; raises InvalidInput where it cannot be used."""
        ...

    def cost(self, config: Any, kind: BatchKind) -> StepCost:
        """Count what a step of a kind of batch takes, Mamba's scans in their kernel."""
        ...

    def check_memory(self, config: Any, device: torch.device, processes: int) -> None:
        """Raise OutOfMemory where a step needs more than the device, shared by processes, has free."""
        ...

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write the averaged weights; raises StorageError where they cannot be written."""
        ...

    def preview(self, training: "Training") -> "Preview | None":
        """Return what samples clips now and then, None where the configuration does not ask for it."""
        ...


def system_of(config: RunConfig) -> System:
    """Return the system that a configuration trains."""
    if isinstance(config, TrainingConfig):
        return DenoiserSystem()
    from ..plus.system import PlusSystem

    return PlusSystem()


class DenoiserSystem:
    """`System` of Animate-X."""

    def maker(self, config: TrainingConfig) -> Maker:
        """Open the shards and the explicit pose indicator."""
        from .samples import BatchMaker, open_dataset, open_epi

        dataset = open_dataset(config.data)
        return BatchMaker(config, dataset, open_epi(config.epi, dataset))

    def cost(self, config: TrainingConfig, kind: BatchKind) -> StepCost:
        """Count a step."""
        from .cost import step_cost

        return step_cost(config, kind)

    def check_memory(self, config: TrainingConfig, device: torch.device, processes: int) -> None:
        """Count all kinds of batches, where it is not plain that they fit."""
        from .memory import check_memory

        check_memory(config, device, processes)

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write a denoiser's file."""
        from .export import export_denoiser

        export_denoiser(checkpoint, target, dtype)

    def preview(self, training: "Training") -> "Preview | None":
        """Load the decoder, where one is named."""
        from .preview import Preview
        from .samples import BatchMaker

        maker = training.maker
        assert isinstance(maker, BatchMaker)
        config = maker.config.preview
        if config.autoencoder is None:
            return None
        return Preview.open(config, maker, training.accelerator.device)
