"""How one case is animated and measured, here or on another machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...batch.engine import require_visible
from ...batch.run import process_peak
from ...encoders.preprocessing import resize
from ...errors import InvalidInput
from ...utils.files import write_json
from ...video.image import write_image
from ...video.writer import write_clip
from ..metrics.networks import MetricNetworks
from ..metrics.pairs import PairValues, write_pair
from .cases import CaseSet, Setting, make_task
from .systems import Size, System
from .tables_and_charts import contact_sheet

CASES, SHEETS, CLIPS = "cases", "sheets", "clips"
MEASURED = "measured"  # folder of cases that are measured, but not added to the state yet
LEFT_OUT = "left_out"  # key of a case's file


@dataclass(frozen=True)
class SystemRun:
    """A system in one setting.

    Attributes:
        system: Name of the system.
        setting: The setting.
        folder: Folder of the state and, for every case, its scores, a contact sheet and the clip.

    """

    system: str
    setting: Setting
    folder: Path

    def scores_file(self, case: str) -> Path:
        """Return the file with the scores of a case, or with the reason for leaving it out."""
        return self.folder / CASES / f"{case}.json"

    def measured_file(self, number: int) -> Path:
        """Return the file of a case that is measured, until it is added to the state.

        It has the number of the case, because safetensors opens no file with a name that is not UTF-8.
        """
        return self.folder / MEASURED / f"{number:04}.safetensors"


@dataclass(frozen=True)
class CaseJob:
    """A case that a system has to animate.

    Attributes:
        run: The system and the setting.
        case: Name of the case.
        number: Its index in the set.

    """

    run: SystemRun
    case: str
    number: int

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.run.system}/{self.run.setting}/{self.case}"

    @property
    def out(self) -> Path:
        """The video."""
        return self.run.folder / CLIPS / f"{self.case}.mp4"


@dataclass(frozen=True)
class CaseTask:
    """Animates cases and measures the results.

    Attributes:
        cases: The set.
        systems: The systems by name.
        load_metrics: Loads the networks of the metrics.
        size: Width and height at which clips are compared.
        seed: Seed for the selection of humans.
        needed: Files and folders that a machine has to see.

    """

    cases: CaseSet
    systems: Mapping[str, System]
    load_metrics: Callable[[], MetricNetworks]
    size: Size
    seed: int = 0
    needed: tuple[Path, ...] = ()

    def model_key(self, job: CaseJob) -> str:
        """Return the name of the system."""
        return job.run.system

    def shared_key(self, job: CaseJob) -> None:
        """Return None: cases share nothing."""

    def prepare(self, job: CaseJob) -> None:
        """Prepare nothing."""

    def open(self) -> "CaseWorker":
        """Return a worker without networks."""
        return CaseWorker(self)

    def check_place(self) -> None:
        """Raise InvalidInput if this machine does not see the results, the set or a model."""
        require_visible(self.needed)


class CaseWorker:
    """Animates and measures one case after the other. Networks stay loaded for the next ones.

    Args:
        task: The set, the systems and the metrics.

    """

    def __init__(self, task: CaseTask) -> None:
        self._task = task

    def do(self, job: CaseJob, shared: Callable[[], Any]) -> None:
        """Animate and measure a case, and write everything but its scores, which depend on the cases before.

        A case that cannot be read or compared is left out, and its file contains the reason.
        """
        metrics = self._metrics
        try:
            self._measure(job, metrics)
        except InvalidInput as error:
            write_json(job.run.scores_file(job.case), {"case": job.case, LEFT_OUT: str(error)})

    def peak(self) -> int | None:
        """Return the most bytes that this process has used."""
        return process_peak()

    def close(self) -> None:
        """Do nothing: results are what stays."""

    def _measure(self, job: CaseJob, metrics: MetricNetworks) -> None:
        task, run = self._task, job.run
        case = task.cases.case(job.number)
        given = make_task(
            case, run.setting, lambda: task.cases.human(np.random.default_rng([task.seed, job.number]))
        )
        system = task.systems[run.system]
        generated = system.clip(case.name, job.number, run.setting, given, task.size)
        real = np.stack([resize(frame, *task.size) for frame in case.frames])
        measured = PairValues.of(metrics, generated, real)
        write_image(run.folder / SHEETS / f"{case.name}.png", contact_sheet(given, generated, real))
        write_clip(job.out, generated, fps=case.fps)
        write_pair(run.measured_file(job.number), measured)

    @cached_property
    def _metrics(self) -> MetricNetworks:
        return self._task.load_metrics()
