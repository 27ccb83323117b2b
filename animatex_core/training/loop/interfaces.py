"""Protocols between the trainer, the training task and the source of batches."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ...animate_x.training_spec import TrainingSpec
from .batch_schedule import BatchPlan
from .config import BatchKind, RunConfig


class TrainingBatch(Protocol):
    """A batch of clips with their conditions."""

    @property
    def latents(self) -> Tensor:
        """Scaled latents (b, c, f, h, w) of the target frames."""
        ...

    def to(self, device: torch.device) -> "TrainingBatch":
        """Return a copy on another device."""
        ...


class TrainingTask(Protocol):
    """A network, its loss, and the parameters that each kind of batch trains."""

    def build(self, *, resumed: bool) -> nn.Module:
        """Build the trained parameters in float32.

        Args:
            resumed: Whether a checkpoint is loaded afterwards, so that no initial weights are read.

        Returns:
            The network.

        """
        ...

    def loss(self, network: nn.Module) -> nn.Module:
        """Build the module that computes the loss, on the network's device.

        It is called with a batch, noise and timesteps. It returns the loss, and the unweighted error (b,) of
        each clip without gradients. Other modules that it holds are not trained.
        """
        ...

    def sample_noise(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Draw noise like the latents and timesteps (b,), on their device, from torch's global generator."""
        ...

    def set_trainable(self, network: nn.Module, kind: BatchKind) -> None:
        """Enable gradients of the parameters that a kind of batch trains, and disable all others."""
        ...

    def constants(self) -> dict[str, Tensor]:
        """Return further tensors for checkpoints, by name."""
        ...

    def trained_on(self) -> TrainingSpec | None:
        """Return the format of the clips, if the exported file stores it."""
        ...


class BatchMaker(Protocol):
    """Makes the batch of a plan. The result depends only on the plan, not on the process or the order."""

    @property
    def config(self) -> RunConfig:
        """The training configuration."""
        ...

    def __call__(self, plan: BatchPlan) -> TrainingBatch:
        """Make a batch.

        Raises:
            InvalidInput: If a clip is damaged or does not fit the configuration.

        """
        ...
