"""Means over steps, TensorBoard's curves, and images of sampled videos."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Protocol

import numpy as np
import torch

from ...diffusion.schedule import TIMESTEPS
from ...errors import MissingDependency
from ...video.image import write_picture
from .trainer import StepReport, Trainer

BINS = 10  # of timesteps


class MetricMeans:
    """Adds up reports until it is read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._since = self._clock()
        self._sums = {"loss": 0.0, "gradient_norm": 0.0}
        self._tasks: dict[str, list[float]] = {}
        self._clips = self.steps = 0
        self._errors, self._counts = torch.zeros(BINS), torch.zeros(BINS)

    @property
    def seconds(self) -> float:
        """Time since the last reading."""
        return self._clock() - self._since

    def add(self, report: StepReport) -> None:
        """Take in a step."""
        for name in self._sums:
            self._sums[name] += getattr(report, name)
        self._clips += report.clips
        self.steps += 1
        if report.task:
            self._tasks.setdefault(report.task, []).append(report.loss)
        bins = (report.timesteps * BINS // TIMESTEPS).long().clamp(max=BINS - 1)
        self._errors.index_add_(0, bins, report.errors)
        self._counts.index_add_(0, bins, torch.ones_like(report.errors))

    def read(self) -> dict[str, float]:
        """Return the means since the last reading, and begin anew.

        loss, gradient_norm, clips_per_second, loss/TASK where there are several, and error/TTT: of the clips
        of this process whose timesteps are TTT or up to a tenth of all above.
        """
        means = {name: total / self.steps for name, total in self._sums.items()}
        means |= {f"loss/{task}": fmean(losses) for task, losses in sorted(self._tasks.items())}
        means["clips_per_second"] = self._clips / max(self.seconds, 1e-9)
        for number in self._counts.nonzero()[:, 0].tolist():
            start = number * TIMESTEPS // BINS
            means[f"error/{start:03}"] = float(self._errors[number] / self._counts[number])
        self._begin()
        return means


LOGS, PREVIEWS = "logs", "previews"


class Preview(Protocol):
    """Samples videos while a model trains."""

    @property
    def every_steps(self) -> int:
        """Steps between two samples."""
        ...

    def picture(self, training: Trainer) -> np.ndarray:
        """Sample with the averaged weights; an image (h, w, 3) uint8."""
        ...


class TensorBoardLog:
    """Writes curves into a run's folder; a `Training`'s on_step. Close it at the end.

    preview: also sample clips now and then, as pictures in the run's folder and for TensorBoard.
    Raises MissingDependency without the package tensorboard.
    """

    def __init__(self, run: Path, start: int, every: int, preview: Preview | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependency(
                f"The package tensorboard cannot be imported ({error}), but the curves need it: run "
                "`pip install tensorboard`, or set log_every to null."
            ) from error
        # What an interrupted start has written beyond its last checkpoint is written anew.
        self._writer = SummaryWriter(str(run / LOGS), purge_step=start)
        self._run, self._every, self._preview = run, every, preview
        self._meter = MetricMeans()

    def __call__(self, training: Trainer, report: StepReport) -> None:
        """Take in a step."""
        step = report.position.step
        self._meter.add(report)
        if step % self._every == 0:
            means = {**self._meter.read(), "learning_rate": report.learning_rate}
            for name, value in means.items():
                self._writer.add_scalar(name, value, step)
        if self._preview is not None and step % self._preview.every_steps == 0:
            self._show(step, self._preview.picture(training))

    def _show(self, step: int, picture: np.ndarray) -> None:
        write_picture(self._run / PREVIEWS / f"step-{step:09}.png", picture)
        self._writer.add_image("preview", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()
