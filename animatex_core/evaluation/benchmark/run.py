"""Runs systems on all cases of a set; interrupted runs are resumed."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...batch.engine import Engine
from ...batch.run import Ended, Stop, require_done, require_not_stopped
from ...errors import InvalidInput
from ...utils.files import write_json
from ..metrics.measurements import Measurements
from ..metrics.networks import MetricNetworks
from .case_work import CASES, LEFT_OUT, CaseTask, SystemRun
from .progress import RunProgress, read_json

OnCase = Callable[[SystemRun, int, int], None]
"""Called with a run, the number of its finished cases and the total."""


def write_or_match_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings to a file, or check that an existing file contains the same.

    Args:
        path: The file.
        settings: The settings, as JSON data.

    Raises:
        InvalidInput: The file contains other settings; the message lists the differences.
        StorageError: The file cannot be written.

    """
    current = json.loads(json.dumps(settings))
    if not path.exists():
        write_json(path, current)
        return
    stored = read_json(path)
    names = sorted(name for name in {*current, *stored} if current.get(name) != stored.get(name))
    if names:
        changes = "; ".join(f"{name} was {stored.get(name)} and is now {current.get(name)}" for name in names)
        raise InvalidInput(
            f"{path.parent} holds an evaluation with other settings ({changes}): use the same settings, or "
            "choose another folder."
        )


@dataclass(frozen=True)
class Benchmark:
    """A set of cases with the metrics to compute.

    Attributes:
        task: How cases are animated and measured.
        metrics: Networks of the metrics.

    """

    task: CaseTask
    metrics: MetricNetworks

    def run(
        self, runs: Sequence[SystemRun], engine: Engine, stop: Stop, on_case: OnCase
    ) -> dict[SystemRun, Measurements]:
        """Evaluate systems, or resume interrupted runs with the same settings.

        A case that cannot be read or compared is left out, and its file contains the reason (see `left_out`).

        Args:
            runs: The systems in their settings.
            engine: Animates the cases.
            stop: Looked at before every case.
            on_case: Called before and after every case.

        Returns:
            The measurements of all cases of each run.

        Raises:
            AnimateXError: A system fails, or the results cannot be written.
            KeyboardInterrupt: A stop was wanted, and what ran is finished.

        """
        names = self.task.cases.names
        found = {run: RunProgress(run, names, self.metrics) for run in runs}
        jobs = [job for progress in found.values() for job in progress.jobs()]
        owners = {job.name: (found[job.run], job.number) for job in jobs}
        for progress in found.values():
            if progress.done == progress.total:
                on_case(progress.run, progress.done, progress.total)
        with closing(engine.run(self.task, jobs, stop)) as events:
            for event in events:
                progress, number = owners[event.name]
                if isinstance(event, Ended):
                    require_done(event)
                    progress.end(number)
                on_case(progress.run, progress.done, progress.total)
        for progress in found.values():
            before = progress.done
            progress.settle()
            if progress.done != before:
                on_case(progress.run, progress.done, progress.total)
        require_not_stopped(stop)
        return {run: progress.measured for run, progress in found.items()}


def left_out(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the cases of a run that were left out.

    Args:
        folder: Folder of the run.
        names: Names of the cases.

    Returns:
        Reasons by the name of the case.

    Raises:
        InvalidInput: The file of a case is missing or damaged.

    """
    reasons = {name: read_json(folder / CASES / f"{name}.json").get(LEFT_OUT) for name in names}
    return {name: str(reason) for name, reason in reasons.items() if reason is not None}
