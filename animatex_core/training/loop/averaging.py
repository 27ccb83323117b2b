"""The average of the weights over the steps, which is what samples best."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The exponential moving average of a module's parameters, in float32 where they lie.

    tensors: the average under the parameters' names. decay: of every step; over the first steps it rises
    from 0.1, so that the random start is soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = dict(module.named_parameters())
        self.tensors = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step 0, 1, ..."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [self.tensors[name] for name in self._parameters]
        torch._foreach_lerp_(averages, list(self._parameters.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the module have the average for its weights within the block."""
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
        """Take the average of an earlier start."""
        for name, average in self.tensors.items():
            average.copy_(tensors[name])
