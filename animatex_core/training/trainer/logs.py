"""What a training leaves to be looked at: TensorBoard's curves, and pictures of sampled clips."""

from pathlib import Path

import numpy as np

from ...errors import MissingDependency
from ...video.picture import write_picture
from .meter import Meter
from .preview import Preview
from .training import StepReport, Training

LOGS, PREVIEWS = "logs", "previews"


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
        self._meter = Meter()

    def __call__(self, training: Training, report: StepReport) -> None:
        """Take in a step."""
        step = report.position.step
        self._meter.add(report)
        if step % self._every == 0:
            means = {**self._meter.read(), "learning_rate": report.learning_rate}
            for name, value in means.items():
                self._writer.add_scalar(name, value, step)
        if self._preview is not None and step % self._preview.config.every_steps == 0:
            self._show(step, self._preview.picture(training))

    def _show(self, step: int, picture: np.ndarray) -> None:
        write_picture(self._run / PREVIEWS / f"step-{step:09}.png", picture)
        self._writer.add_image("preview", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()
