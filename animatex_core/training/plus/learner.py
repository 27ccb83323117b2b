"""Animate-X++ as what learns: of each task its own parts."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...model.trained_on import TrainedOn
from ..trainer.run_config import BatchKind
from .batches import PlusBatch
from .config import PlusTrainingConfig
from .flow_loss import FlowLoss, draw_timesteps
from .network import PlusNetwork, frozen_transformer, recompute_blocks, start_network
from .parts import choose_parts


@dataclass(frozen=True)
class PlusLearner:
    """`Learner` of the added modules and the LoRA."""

    config: PlusTrainingConfig

    def start(self, *, resumed: bool) -> PlusNetwork:
        """Build what learns; raises as `start_network`."""
        return start_network(self.config, resumed=resumed)

    def loss(self, network: nn.Module) -> FlowLoss:
        """Return the loss of both tasks; raises as `frozen_transformer`."""
        assert isinstance(network, PlusNetwork)
        device = next(network.parameters()).device
        transformer = network.transformer or frozen_transformer(self.config, device)
        if self.config.gradient_checkpointing:
            recompute_blocks(transformer)
        return FlowLoss(network, transformer)

    def draw(self, batch: PlusBatch) -> tuple[Tensor, Tensor]:
        """Draw noise, and timesteps in 0..1000; on the CPU, so that a seed means the same everywhere."""
        latents = batch.latents
        noise = torch.randn(latents.shape)
        timesteps = draw_timesteps(len(latents), self.config.shift)
        return noise.to(latents.device), timesteps.to(latents.device)

    def choose(self, network: nn.Module, kind: BatchKind) -> None:
        """Let the parts learn that learn from the batch's task."""
        choose_parts(network, self.config.trains.parts(kind.task_name))

    def constants(self) -> dict[str, Tensor]:
        """Return nothing: the empty prompt belongs to the text encoder."""
        return {}

    def trained_on(self) -> TrainedOn | None:
        """Return nothing: the released form does not tell."""
        return None
