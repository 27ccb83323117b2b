"""The plain training loop of the bundle's small networks, which need no more."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

REPORT_EVERY = 50  # steps
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class FitSettings:
    """AdamW over `steps` batches; the learning rate rises over `warm_up` steps and falls along a cosine."""

    steps: int
    batch_size: int
    learning_rate: float
    warm_up: int = 100
    weight_decay: float = 0.01
    decay: float = 0.998  # of the averaged weights
    workers: int = 1  # processes that make samples, 0 for none but this one

    def factor(self, step: int) -> float:
        """Return the part of the learning rate at a step."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        part = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, part))) / 2

    def average(self, averaged: Any, current: Any, steps: Tensor | int) -> None:
        """Move averaged weights towards the current ones, faster as long as there were few steps."""
        decay = min(self.decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averaged, current, 1 - decay)


class Numbered(Dataset[Any]):
    """Samples made up from their number alone."""

    def __init__(self, make: Callable[[int], Any], count: int) -> None:
        self._make, self._count = make, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Any:
        return self._make(number)


def fit(
    network: Network,
    make: Callable[[int], Any],
    loss: Callable[[Network, Any], Tensor],
    settings: FitSettings,
    report: Callable[[str], None],
) -> Network:
    """Train a network in place and return a copy with averaged weights. make: sample of a number."""
    samples = Numbered(make, settings.steps * settings.batch_size)
    ahead = 4 if settings.workers else None
    loader = DataLoader(samples, settings.batch_size, num_workers=settings.workers, prefetch_factor=ahead)
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.99)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, settings.factor)
    averaged = AveragedModel(network, multi_avg_fn=settings.average)
    network.train()
    for line in _steps(network, loader, loss, optimizer):
        schedule.step()
        averaged.update_parameters(network)
        if line:
            report(line)
    trained = copy.deepcopy(network).eval()
    trained.load_state_dict(averaged.module.state_dict())
    return trained


def _steps(
    network: Network,
    loader: "DataLoader[Any]",
    loss: Callable[[Network, Any], Tensor],
    optimizer: torch.optim.Optimizer,
) -> Iterator[str]:
    total, began = 0.0, time.monotonic()
    for step, batch in enumerate(loader, 1):
        value = loss(network, batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        total += value.item()
        if step % REPORT_EVERY:
            yield ""
            continue
        seconds = (time.monotonic() - began) / step
        yield f"step {step}: loss {total / REPORT_EVERY:.4f}, {seconds:.2f} s a step"
        total = 0.0
