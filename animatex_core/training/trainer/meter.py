"""Means over steps, for whoever watches a training."""

import time
from collections.abc import Callable
from statistics import fmean

import torch

from ...diffusion.schedule import TIMESTEPS
from .training import StepReport

BINS = 10  # of timesteps


class Meter:
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
