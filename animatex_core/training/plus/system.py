"""Animate-X++ as the command trains, counts and exports it."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..trainer.checkpoint import Checkpoint
from ..trainer.cost import StepCost
from ..trainer.run_config import BatchKind
from .batches import PlusBatchMaker
from .config import PlusTrainingConfig, TaskBatchKind
from .folder import WanClipFolder

if TYPE_CHECKING:
    from ..trainer.training import Training


class PlusSystem:
    """`System` of Animate-X++."""

    def maker(self, config: PlusTrainingConfig) -> PlusBatchMaker:
        """Open the clips and the explicit pose indicator."""
        from ..trainer.samples import open_epi

        clips = WanClipFolder.open(config.data.path)
        for kind in config.batches:
            clips.count(kind.task)
        dances = any(kind.task == "animation" for kind in config.batches)
        return PlusBatchMaker(config, clips, open_epi(config.epi, clips) if dances else None)

    def cost(self, config: PlusTrainingConfig, kind: BatchKind) -> StepCost:
        """Count a step of one task."""
        assert isinstance(kind, TaskBatchKind)
        from .cost import step_cost

        return step_cost(config, kind)

    def check_memory(self, config: PlusTrainingConfig, device: torch.device, processes: int) -> None:
        """Count a step of every kind of batch, but for a small transformer."""
        from .cost import check_memory

        check_memory(config, device, processes)

    def export(self, checkpoint: Checkpoint, target: Path, dtype: torch.dtype) -> None:
        """Write a checkpoint in the released form."""
        from .export import export_plus

        export_plus(checkpoint, target, dtype)

    def preview(self, training: "Training") -> None:
        """Show nothing: what is sampled with a LoRA is looked at in the host."""
