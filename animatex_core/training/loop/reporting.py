"""Reports on a training: means over steps, TensorBoard curves and previews."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Protocol

import numpy as np
import torch

from ...diffusion.schedule import TIMESTEPS
from ...errors import MissingDependency
from ...video.image import write_image
from .trainer import StepReport, Trainer

TIMESTEP_BINS = 10
LOGS, PREVIEWS = "logs", "previews"


class MetricMeans:
    """Averages step reports between two readings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._since = self._clock()
        self._sums = {"loss": 0.0, "gradient_norm": 0.0}
        self._tasks: dict[str, list[float]] = {}
        self._clips = self.steps = 0
        self._errors, self._counts = torch.zeros(TIMESTEP_BINS), torch.zeros(TIMESTEP_BINS)

    @property
    def seconds(self) -> float:
        """Seconds since the last reading."""
        return self._clock() - self._since

    def add(self, report: StepReport) -> None:
        """Add the report of a step."""
        for name in self._sums:
            self._sums[name] += getattr(report, name)
        self._clips += report.clips
        self.steps += 1
        if report.task:
            self._tasks.setdefault(report.task, []).append(report.loss)
        bins = (report.timesteps * TIMESTEP_BINS // TIMESTEPS).long().clamp(max=TIMESTEP_BINS - 1)
        self._errors.index_add_(0, bins, report.errors)
        self._counts.index_add_(0, bins, torch.ones_like(report.errors))

    def read(self) -> dict[str, float]:
        """Return the means since the last reading, and reset them.

        Returns:
            loss, gradient_norm, clips_per_second; loss/TASK if there are several tasks; error/TTT, the mean
            error of this process's clips in the tenth of all timesteps that starts at TTT.

        """
        means = {name: total / self.steps for name, total in self._sums.items()}
        means |= {f"loss/{task}": fmean(losses) for task, losses in sorted(self._tasks.items())}
        means["clips_per_second"] = self._clips / max(self.seconds, 1e-9)
        for number in self._counts.nonzero()[:, 0].tolist():
            start = number * TIMESTEPS // TIMESTEP_BINS
            means[f"error/{start:03}"] = float(self._errors[number] / self._counts[number])
        self._reset()
        return means


class Preview(Protocol):
    """Samples videos during a training."""

    @property
    def every_steps(self) -> int:
        """Steps between two samples."""
        ...

    def render(self, training: Trainer) -> np.ndarray:
        """Sample with the averaged weights and return an image (h, w, 3), uint8 in RGB."""
        ...


class TensorBoardLog:
    """Writes TensorBoard curves and previews into the folder of a run; an `OnStep` that must be closed.

    Args:
        run: Folder of the run.
        start: Step at which this run starts. Later entries of an earlier run are discarded.
        every: Number of steps between points of the curves.
        preview: Samples videos, which are written as images and for TensorBoard. None writes none.

    Raises:
        MissingDependency: If the package tensorboard is not installed.

    """

    def __init__(self, run: Path, start: int, every: int, preview: Preview | None = None) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependency(
                f"The package tensorboard cannot be imported ({error}), but logging needs it: run "
                "`pip install tensorboard`, or set log_every to null."
            ) from error
        # Steps after the last checkpoint of an interrupted run are logged again.
        self._writer = SummaryWriter(str(run / LOGS), purge_step=start)
        self._run, self._every, self._preview = run, every, preview
        self._means = MetricMeans()

    def __call__(self, training: Trainer, report: StepReport) -> None:
        """Log a step."""
        step = report.position.step
        self._means.add(report)
        if step % self._every == 0:
            means = {**self._means.read(), "learning_rate": report.learning_rate}
            for name, value in means.items():
                self._writer.add_scalar(name, value, step)
        if self._preview is not None and step % self._preview.every_steps == 0:
            image = self._preview.render(training)
            write_image(self._run / PREVIEWS / f"step-{step:09}.png", image)
            self._writer.add_image("preview", image, step, dataformats="HWC")

    def close(self) -> None:
        """Write pending entries."""
        self._writer.close()
