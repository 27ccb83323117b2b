"""Training loop of the small encoders and pose models, with removable batch normalisation."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from ...utils.files import atomic_path

_POINT = (1, 1)


class ConvBatchNorm(nn.Module):
    """A convolution followed by batch normalisation."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(conv.out_channels)

    def forward(self, values: Tensor) -> Tensor:
        """Apply the convolution and the normalisation."""
        return self.norm(self.conv(values))

    def folded(self) -> nn.Conv2d:
        """Return an equivalent single convolution for inference."""
        return fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())


def insert_batchnorm(network: nn.Module) -> None:
    """Add batch normalisation after every convolution, in place, except 1 x 1 ones, which are heads."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child.kernel_size != _POINT:
                setattr(parent, name, ConvBatchNorm(child))


def fuse_batchnorm(network: nn.Module) -> None:
    """Fold batch normalisation back into plain convolutions, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvBatchNorm):
                setattr(parent, name, child.folded())


REPORT_EVERY = 50  # steps
KEEP_EVERY = 100
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class FitSettings:
    """AdamW with linear warm-up and cosine decay of the learning rate.

    Attributes:
        steps: Number of batches.
        batch_size: Samples in a batch.
        learning_rate: Maximum learning rate.
        warm_up: Steps over which the learning rate rises.
        weight_decay: Weight decay.
        decay: Decay of the moving average of the weights.
        workers: Processes that generate samples; 0 uses the main process.
        keep_every: Steps between two saved states.

    """

    steps: int
    batch_size: int
    learning_rate: float
    warm_up: int = 100
    weight_decay: float = 0.01
    decay: float = 0.998
    workers: int = 1
    keep_every: int = KEEP_EVERY

    def factor(self, step: int) -> float:
        """Return the factor of the learning rate at a step."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        part = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, part))) / 2

    def average(self, averaged: Any, current: Any, steps: Tensor | int) -> None:
        """Update the averaged weights in place, with a lower decay during the first steps."""
        decay = min(self.decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averaged, current, 1 - decay)


class IndexedDataset(Dataset[Any]):
    """A data set of samples that are generated from their index."""

    def __init__(self, make: Callable[[int], Any], count: int, first: int = 0) -> None:
        self._make, self._count, self._first = make, count, first

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Any:
        return self._make(self._first + place)


class TrainingState:
    """The complete state of a training, optionally saved to a file."""

    def __init__(self, network: nn.Module, settings: FitSettings, file: Path | None) -> None:
        self.step, self._file, self.keep_every = 0, file, settings.keep_every
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.99),
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, settings.factor)
        self.averaged = AveragedModel(network, multi_avg_fn=settings.average)
        self._parts: dict[str, Any] = {"network": network, "optimizer": self.optimizer}
        self._parts |= {"schedule": self.schedule, "averaged": self.averaged}

    def resume(self) -> None:
        """Restore the state from the file, if it exists."""
        if self._file is None or not self._file.exists():
            return
        kept = torch.load(self._file, weights_only=True)
        self.step = kept["step"]
        torch.set_rng_state(kept["random"])
        for name, part in self._parts.items():
            part.load_state_dict(kept[name])

    def keep(self) -> None:
        """Save the state, if a file was given."""
        if self._file is None:
            return
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        with atomic_path(self._file) as part:
            torch.save({"step": self.step, "random": torch.get_rng_state(), **parts}, part)


def fit(
    network: Network,
    make: Callable[[int], Any],
    loss: Callable[[Network, Any], Tensor],
    settings: FitSettings,
    report: Callable[[str], None],
    kept: Path | None = None,
) -> Network:
    """Train a network in place and return a copy with averaged weights.

    Args:
        network: The network to train.
        make: Generates the sample of an index.
        loss: Returns the loss of a batch.
        settings: Settings of the training.
        report: Called with progress messages.
        kept: File of the saved state. An interrupted training resumes from it, with the same result as an
            uninterrupted one.

    Returns:
        The averaged network, in evaluation mode.

    """
    state = TrainingState(network, settings, kept)
    state.resume()
    size = settings.batch_size
    samples = IndexedDataset(make, (settings.steps - state.step) * size, first=state.step * size)
    loader = DataLoader(
        samples,
        size,
        num_workers=settings.workers,
        prefetch_factor=4 if settings.workers else None,
        generator=torch.Generator(),  # so that its base seed does not consume the resumed random state
    )
    network.train()
    for line in _steps(network, loader, loss, state):
        if line:
            report(line)
    trained = copy.deepcopy(network).eval()
    trained.load_state_dict(state.averaged.module.state_dict())
    return trained


def _steps(
    network: Network,
    loader: "DataLoader[Any]",
    loss: Callable[[Network, Any], Tensor],
    state: TrainingState,
) -> Iterator[str]:
    total, began = 0.0, time.monotonic()
    for batch in loader:
        value = loss(network, batch)
        state.optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        state.optimizer.step()
        state.schedule.step()
        state.averaged.update_parameters(network)
        state.step += 1
        total += value.item()
        if state.step % state.keep_every == 0:
            state.keep()
        if state.step % REPORT_EVERY:
            yield ""
            continue
        now = time.monotonic()
        seconds = (now - began) / REPORT_EVERY
        yield f"step {state.step}: loss {total / REPORT_EVERY:.4f}, {seconds:.2f} s per step"
        total, began = 0.0, now
