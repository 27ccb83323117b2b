"""The loop: steps, their average, checkpoints, and when to stop."""

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
from .averaging import WeightAverage
from .batch_schedule import Position, Stream, kind_of, plan_batches, samples_of, seed_torch
from .checkpoint import AVERAGE, WEIGHTS, Checkpoint, moments, restore, write_checkpoint
from .interfaces import BatchMaker, TrainingBatch, TrainingTask
from .optimizer import make_optimizer
from .prefetch import prefetched

if TYPE_CHECKING:
    from accelerate import Accelerator


FUSED = ("cuda", "cpu")  # devices on which AdamW is one kernel


@dataclass(frozen=True, eq=False)
class StepReport:
    """What one step did.

    position: after it. loss: mean over all processes, as it was minimised. errors, timesteps: (n,) the plain
    error of each clip of this process and its timestep. gradient_norm: before it was clipped. seconds: that
    the step took; clips: that all processes saw. task: of its kind of batch, "" where there is but one.
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


def never() -> bool:
    """Go on."""
    return False


class Trainer:
    """A training between its steps.

    folder: of the checkpoints. checkpoint: where to go on, None to begin. One object is made in each
    process; `accelerator` knows of the others. network: the parameters that learn.
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
        self.average = (
            WeightAverage(self.network, self.config.ema_decay) if accelerator.is_main_process else None
        )
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
        stop: Callable[[], bool] = never,
        clock: Callable[[], float] = time.monotonic,
    ) -> Position:
        """Train to the end, until the minutes are over or `stop` says so; a checkpoint stands at the end.

        watchers: called after every step. Raises InvalidInput for damaged data and a loss that is not finite;
        the last checkpoint is whole then.
        """
        start = written = clock()
        end = math.inf if self.config.minutes is None else start + 60 * self.config.minutes
        batches = self._batches()
        ended = self.position.step >= self.config.steps
        while not ended:
            report, stopping = self.step(batches, lambda: stop() or clock() >= end, clock)
            for watch in watchers:
                watch(self, report)
            ended = stopping or self.position.step == self.config.steps
            if ended or self._is_due(clock() - written):
                self.save()
                written = clock()
        return self.position

    def step(
        self, batches: Iterator[TrainingBatch], stop: Callable[[], bool], clock: Callable[[], float]
    ) -> tuple[StepReport, bool]:
        """Make one step; also return whether any process wants to stop."""
        config, started = self.config, clock()
        step, rate = self.position.step, self._set_rates()
        kind = kind_of(config, step)
        self.task.set_trainable(self.network, kind)
        results = [self._backward(next(batches), turn) for turn in range(config.accumulation)]
        loss, stopping = self._agreed(torch.stack([loss for loss, _, _ in results]).mean(), stop())
        norm = float(self.accelerator.clip_grad_norm_(self.network.parameters(), config.optimizer.clip_norm))
        self._check_finite(loss, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update(step)
        clips = samples_of(config, step, self.accelerator.num_processes)
        self.position = Position(step + 1, self.position.samples + clips)
        _, errors, timesteps = zip(*results, strict=True)
        return StepReport(
            self.position, loss, torch.cat(errors).cpu(), torch.cat(timesteps).cpu(), rate, norm,
            clock() - started, clips, kind.frames, kind.task_name,
        ), stopping  # fmt: skip

    def _batches(self) -> Iterator[TrainingBatch]:
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        plans = plan_batches(self.config, self.position, process, processes)
        return prefetched(self.maker, plans, self.config.workers)

    def _set_rates(self) -> float:
        factor = self.config.optimizer.factor(self.position.step, self.config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * factor
        return self.config.optimizer.learning_rate * factor

    def _backward(self, batch: TrainingBatch, turn: int) -> tuple[Tensor, Tensor, Tensor]:
        """Add a batch's gradients; return its loss, and error and timestep of each clip."""
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

    def _agreed(self, loss: Tensor, stop: bool) -> tuple[float, bool]:
        """The mean loss of all processes, and whether any wants to stop: the same everywhere."""
        mine = torch.stack([loss.float(), loss.new_tensor(float(stop), dtype=torch.float32)])
        mean_loss, stopping = self.accelerator.reduce(mine, "mean").tolist()
        return mean_loss, stopping > 0

    def _check_finite(self, loss: float, norm: float) -> None:
        # The scaling of fp16 tries steps that are too large, and leaves them out.
        norm_counts = self.accelerator.scaler is None
        if not math.isfinite(loss) or (norm_counts and not math.isfinite(norm)):
            last = f"that of step {self.saved.step}" if self.saved.step else "none yet"
            raise InvalidInput(
                f"The loss of step {self.position.step} is {loss:g} and its gradient {norm:g} long: lower "
                f"the learning rate or choose another seed, and resume from the last checkpoint ({last})."
            )

    def _is_due(self, seconds: float) -> bool:
        every = self.config.checkpoints
        by_steps = every.every_steps is not None and self.position.step % every.every_steps == 0
        return by_steps or (every.every_minutes is not None and seconds >= 60 * every.every_minutes)

    def save(self) -> None:
        """Write a checkpoint; one process does."""
        if self.average is not None:
            write_checkpoint(self.folder, self.checkpoint())
        self.saved = self.position

    def checkpoint(self) -> Checkpoint:
        """Return the training as it stands."""
        assert self.average is not None
        tensors = {WEIGHTS + name: tensor.detach() for name, tensor in self.network.named_parameters()}
        tensors |= {AVERAGE + name: tensor for name, tensor in self.average.tensors.items()}
        tensors |= moments(self.network, self.optimizer)
        tensors |= self.task.constants()
        scaler: dict[str, Any] = (
            {} if self.accelerator.scaler is None else self.accelerator.scaler.state_dict()
        )
        return Checkpoint(self.config, self.position, tensors, self.task.trained_on(), scaler)
