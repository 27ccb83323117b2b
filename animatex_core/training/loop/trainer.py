"""The training loop: steps, averaging, checkpoints and stopping."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...utils.devices import reraise_oom
from .batch_schedule import (
    Position,
    Stream,
    batch_kind,
    plan_batches,
    prefetch_batches,
    samples_per_step,
    seed_torch,
)
from .checkpoint import AVERAGE, WEIGHTS, Checkpoint, moments, restore, write_checkpoint
from .interfaces import BatchMaker, TrainingBatch, TrainingTask
from .optimizer import WeightAverage, make_optimizer

if TYPE_CHECKING:
    from accelerate import Accelerator

FUSED = ("cuda", "cpu")  # devices with a fused kernel of AdamW


@dataclass(frozen=True, eq=False)
class StepReport:
    """The results of one step.

    Attributes:
        position: Progress after the step.
        loss: Mean loss of all processes.
        errors: Unweighted error (n,) of each clip of this process.
        timesteps: Timestep (n,) of each clip of this process.
        learning_rate: Learning rate of the step.
        gradient_norm: Norm of the gradient before clipping.
        seconds: Duration of the step.
        clips: Number of clips of all processes.
        frames: Number of frames of each clip.
        task: Task of the step, "" if there is only one.

    """

    position: Position
    loss: float
    errors: Tensor
    timesteps: Tensor
    learning_rate: float
    gradient_norm: float
    seconds: float
    clips: int
    frames: int
    task: str = ""


OnStep = Callable[["Trainer", StepReport], None]


class Trainer:
    """Runs a training. Every process has its own trainer; `accelerator` connects them.

    Args:
        maker: Makes the batches.
        task: The training task.
        folder: Folder of the run.
        accelerator: Accelerate's view of devices and processes.
        checkpoint: Checkpoint to resume from, or None.

    """

    def __init__(
        self,
        maker: BatchMaker,
        task: TrainingTask,
        folder: Path,
        accelerator: "Accelerator",
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.config, self.maker, self.folder = maker.config, maker, folder
        self.accelerator = accelerator
        self.position = Position() if checkpoint is None else checkpoint.position
        self.saved = self.position
        self.task = task
        self.network: Any = self.task.build(resumed=checkpoint is not None).to(accelerator.device)
        fused = accelerator.device.type in FUSED
        optimizer = make_optimizer(self.network, self.config.optimizer, fused=fused)
        decay, is_main = self.config.ema_decay, accelerator.is_main_process
        self.average = WeightAverage(self.network, decay) if is_main else None
        if checkpoint is not None:
            self._restore(checkpoint, optimizer)
        self.model, self.optimizer = accelerator.prepare(self.task.loss(self.network), optimizer)

    def _restore(self, checkpoint: Checkpoint, optimizer: torch.optim.Optimizer) -> None:
        restore(checkpoint, self.network, optimizer)
        if self.average is not None:
            self.average.load(checkpoint.under(AVERAGE))
        if self.accelerator.scaler is not None and checkpoint.scaler:
            self.accelerator.scaler.load_state_dict(dict(checkpoint.scaler))

    def run(
        self,
        watchers: Sequence[OnStep] = (),
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> Position:
        """Train until the last step, the time limit or a stop, and write a checkpoint.

        Args:
            watchers: Called after every step.
            stop: Checked after every step; True stops the training.
            clock: Time in seconds.

        Returns:
            The progress of the training.

        Raises:
            InvalidInput: If a clip is damaged or the loss is not finite. Earlier checkpoints are kept.

        """
        start = saved = clock()
        end = math.inf if self.config.minutes is None else start + 60 * self.config.minutes
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        plans = plan_batches(self.config, self.position, process, processes)
        batches = prefetch_batches(self.maker, plans, self.config.workers)
        ended = self.position.step >= self.config.steps
        while not ended:
            report, stopping = self.step(batches, lambda: stop() or clock() >= end, clock)
            for watch in watchers:
                watch(self, report)
            ended = stopping or self.position.step == self.config.steps
            if ended or self._is_due(clock() - saved):
                self.save()
                saved = clock()
        return self.position

    def step(
        self, batches: Iterator[TrainingBatch], stop: Callable[[], bool], clock: Callable[[], float]
    ) -> tuple[StepReport, bool]:
        """Run one step.

        Args:
            batches: The batches of this process.
            stop: Whether this process is to stop.
            clock: Time in seconds.

        Returns:
            The results of the step, and whether any process is to stop.

        """
        config, started = self.config, clock()
        step, rate = self.position.step, self._set_rates()
        kind = batch_kind(config, step)
        self.task.set_trainable(self.network, kind)
        results = [self._backward(next(batches), turn) for turn in range(config.accumulation)]
        losses, errors, timesteps = zip(*results, strict=True)
        loss, stopping = self._reduce(torch.stack(losses).mean(), stop())
        norm = float(self.accelerator.clip_grad_norm_(self.network.parameters(), config.optimizer.clip_norm))
        self._check_finite(loss, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update(step)
        clips = samples_per_step(config, step, self.accelerator.num_processes)
        self.position = Position(step + 1, self.position.samples + clips)
        report = StepReport(
            position=self.position,
            loss=loss,
            errors=torch.cat(errors).cpu(),
            timesteps=torch.cat(timesteps).cpu(),
            learning_rate=rate,
            gradient_norm=norm,
            seconds=clock() - started,
            clips=clips,
            frames=kind.frames,
            task=kind.task_name,
        )
        return report, stopping

    def _set_rates(self) -> float:
        factor = self.config.optimizer.factor(self.position.step, self.config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * factor
        return self.config.optimizer.learning_rate * factor

    def _backward(self, batch: TrainingBatch, turn: int) -> tuple[Tensor, Tensor, Tensor]:
        """Add the gradients of a batch; return its loss, and the error and timestep of each clip."""
        config, accelerator = self.config, self.accelerator
        place = turn * accelerator.num_processes + accelerator.process_index
        seed_torch(config.seed, Stream.STEP, self.position.step, place)
        batch = batch.to(accelerator.device)
        noise, timesteps = self.task.sample_noise(batch)
        is_last = turn == config.accumulation - 1
        frames = batch.latents.shape[2]
        with (
            reraise_oom(
                f"A batch of {len(batch.latents)} clips of {frames} frames does not fit into memory: lower "
                "batch_size, or set gradient_checkpointing."
            ),
            nullcontext() if is_last else accelerator.no_sync(self.model),
        ):
            loss, errors = self.model(batch, noise, timesteps)
            accelerator.backward(loss / config.accumulation)
        return loss.detach(), errors, timesteps

    def _reduce(self, loss: Tensor, stop: bool) -> tuple[float, bool]:
        """Return the mean loss of all processes and whether any is to stop, the same in every process."""
        mine = torch.stack([loss.float(), loss.new_tensor(float(stop), dtype=torch.float32)])
        mean_loss, stopping = self.accelerator.reduce(mine, "mean").tolist()
        return mean_loss, stopping > 0

    def _check_finite(self, loss: float, norm: float) -> None:
        # The loss scaling of fp16 skips steps whose gradients overflow.
        norm_counts = self.accelerator.scaler is None
        if not math.isfinite(loss) or (norm_counts and not math.isfinite(norm)):
            last = f"that of step {self.saved.step}" if self.saved.step else "none yet"
            raise InvalidInput(
                f"The loss of step {self.position.step} is {loss:g} and the norm of its gradient {norm:g}: "
                "lower the learning rate or choose another seed, and resume from the last checkpoint "
                f"({last})."
            )

    def _is_due(self, seconds: float) -> bool:
        every = self.config.checkpoints
        by_steps = every.every_steps is not None and self.position.step % every.every_steps == 0
        return by_steps or (every.every_minutes is not None and seconds >= 60 * every.every_minutes)

    def save(self) -> None:
        """Write a checkpoint, in the main process only."""
        if self.average is not None:
            write_checkpoint(self.folder, self.checkpoint())
        self.saved = self.position

    def checkpoint(self) -> Checkpoint:
        """Return the current state of the training."""
        assert self.average is not None
        tensors = {WEIGHTS + name: tensor.detach() for name, tensor in self.network.named_parameters()}
        tensors |= {AVERAGE + name: tensor for name, tensor in self.average.tensors.items()}
        tensors |= {**moments(self.network, self.optimizer), **self.task.constants()}
        scaler = self.accelerator.scaler
        state = {} if scaler is None else scaler.state_dict()
        return Checkpoint(self.config, self.position, tensors, self.task.trained_on(), state)
