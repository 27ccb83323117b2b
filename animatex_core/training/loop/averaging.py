"""The exponential moving average of the weights, which is used for sampling and export."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


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
