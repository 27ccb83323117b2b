"""What a training step does to the weights: AdamW, their moving average, and gradient checkpointing."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...animate_x.blocks import ResidualBlock, SpatialTransformer
from ...animate_x.image_conditions import ImageConditionEncoder
from ...animate_x.temporal import TemporalTransformer
from ...animate_x.unet import AnimateXUNet
from .config import OptimizerConfig

IPI = {"pose_embedding_before", "pose_embedding_after"}
"""Keypoint encoder and resampler of the implicit pose indicator. The motion attention in each block, which
reads their tokens, uses the learning rate of the denoiser."""


def make_optimizer(network: nn.Module, config: OptimizerConfig, *, fused: bool) -> torch.optim.AdamW:
    """Build AdamW with one parameter group for the implicit pose indicator and one for the rest.

    Args:
        network: The trained parameters.
        config: The settings.
        fused: Whether to use the fused kernel. The other implementation briefly needs as much memory as the
            weights on a GPU.

    Returns:
        The optimizer. Each group has its base learning rate under "rate".

    """
    others: list[nn.Parameter] = []
    indicator: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (others if IPI.isdisjoint(name.split(".")) else indicator).append(parameter)
    groups = [
        {"params": others, "rate": config.learning_rate},
        {"params": indicator, "rate": config.learning_rate_ipi},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=fused,
        foreach=not fused,
    )


class WeightAverage:
    """The exponential moving average of a module's parameters, in their data type and on their device.

    Attributes:
        tensors: The averages by parameter name.
        decay: Decay per step. It rises from 0.1 in the first steps, so that the initialisation has no
            lasting effect.

    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = dict(module.named_parameters())
        self.tensors = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the weights after step 0, 1, ..."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [self.tensors[name] for name in self._parameters]
        torch._foreach_lerp_(averages, list(self._parameters.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the module the averaged weights within the context."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, parameter in self._parameters.items():
            parameter.data, self.tensors[name] = self.tensors[name], parameter.data

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore the average from a checkpoint."""
        for name, average in self.tensors.items():
            average.copy_(tensors[name])


LAYERS = (ResidualBlock, SpatialTransformer, TemporalTransformer, ImageConditionEncoder)


def checkpoint_layers(unet: AnimateXUNet) -> None:
    """Enable gradient checkpointing of all layers. Outputs, gradients and names do not change."""
    for module in unet.modules():
        if isinstance(module, LAYERS):
            checkpoint_module(module)


def checkpoint_module(module: nn.Module) -> None:
    """Enable gradient checkpointing of one module."""
    # Set on the instance, so that neither the class nor the parameter names change.
    module.forward = partial(checkpoint, module.forward, use_reentrant=False)
