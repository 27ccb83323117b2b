"""What a training needs to know of the thing that learns, and of whoever makes its batches."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ...animate_x.training_spec import TrainingSpec
from .batch_schedule import BatchPlan
from .config import BatchKind, RunConfig


class TrainingBatch(Protocol):
    """Clips that are trained on together, with everything that is told of them."""

    @property
    def latents(self) -> Tensor:
        """(b, c, f, h, w), true and scaled."""
        ...

    def to(self, device: torch.device) -> "TrainingBatch":
        """Return a copy that lies elsewhere."""
        ...


class TrainingTask(Protocol):
    """A network, what is asked of it, and which of its parameters learn from which batches."""

    def build(self, *, resumed: bool) -> nn.Module:
        """Return the parameters that learn, in float32, as a training begins with them.

        resumed: a checkpoint's are put in their place, so that no file of initial weights is needed.
        """
        ...

    def loss(self, network: nn.Module) -> nn.Module:
        """Return the module that is asked, on the network's device.

        Called with a batch, its noise and its timesteps it answers with the loss, and with the plain error of
        each clip (b,), without gradients. Whatever it holds beside the network does not learn.
        """
        ...

    def sample_noise(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Draw noise like the latents, on their device, and timesteps (b,), from torch's global state."""
        ...

    def set_trainable(self, network: nn.Module, kind: BatchKind) -> None:
        """Let those parameters require gradients that learn from batches of a kind, and no others."""
        ...

    def constants(self) -> dict[str, Tensor]:
        """Return what a checkpoint keeps beside weights, by name."""
        ...

    def trained_on(self) -> TrainingSpec | None:
        """Return what the clips were, where an exported file is to tell."""
        ...


class BatchMaker(Protocol):
    """Makes the batch of a plan, alike in whichever process and order it is asked."""

    @property
    def config(self) -> RunConfig:
        """The training's."""
        ...

    def __call__(self, plan: BatchPlan) -> TrainingBatch:
        """Make a batch; raises InvalidInput for clips that are damaged or do not fit the configuration."""
        ...
