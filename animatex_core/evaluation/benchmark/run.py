"""Runs systems on all cases of a set; interrupted runs are resumed."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...batch.engine import Engine
from ...batch.run import Ended, Stop, require_done, require_not_stopped
from ...errors import InvalidInput
from ...utils.documents import document_errors
from ...utils.documents import read_json as read_plain_json
from ...utils.files import storage_errors, write_json
from ...utils.text import printable
from ..metrics.measurements import Measurements, read_measurements, write_measurements
from ..metrics.networks import MetricNetworks
from ..metrics.pairs import read_pair
from .case_work import CASES, LEFT_OUT, CaseJob, CaseTask, SystemRun

STATE, DONE = "measurements.safetensors", "cases done"  # the file of the state, and a key in it

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


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from the results.

    Raises:
        InvalidInput: The file cannot be read or is not a JSON object.

    """
    with document_errors(f"{path} cannot be read", "choose another folder for the results"):
        found = read_plain_json(path)
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} is not a JSON object: choose another folder for the results.")
    return found


class RunProgress:
    """The measurements of one run. Cases are added in their order, whichever is finished first.

    Args:
        run: The system and the setting.
        names: Names of all cases.
        metrics: The networks of the metrics.

    Raises:
        CheckpointError: The state of an interrupted run cannot be read.

    """

    def __init__(self, run: SystemRun, names: Sequence[str], metrics: MetricNetworks) -> None:
        self.run, self._names = run, names
        self.measured, self.done = self._resume(metrics)
        self._left_out: set[int] = set()
        for number in range(self.done):
            self._forget(number)
        self.add_finished()

    @property
    def total(self) -> int:
        """Number of all cases."""
        return len(self._names)

    def jobs(self) -> list[CaseJob]:
        """Return the cases that are still to be animated."""
        numbers = range(self.done, self.total)
        return [CaseJob(self.run, self._names[each], each) for each in numbers if not self._is_measured(each)]

    def end(self, number: int) -> None:
        """Note that a worker has finished a case."""
        if not self._is_measured(number):
            self._left_out.add(number)
        self.add_finished()

    def add_finished(self) -> None:
        """Add the next cases that are finished."""
        while self.done < self.total:
            number, name = self.done, self._names[self.done]
            if self._is_measured(number):
                self._add(number)
            elif number not in self._left_out:
                return
            self.done += 1
            # The state is written last, so that an interrupted case is repeated with equal results.
            notes = {"last case": printable(name), DONE: str(self.done)}
            write_measurements(self.run.folder / STATE, self.measured, notes)
            self._forget(number)

    def _is_measured(self, number: int) -> bool:
        return self.run.measured_file(number).exists()

    def _add(self, number: int) -> None:
        before, name = self.measured, self._names[number]
        self.measured = before.with_values(read_pair(self.run.measured_file(number)))
        scores = _case_scores(before, self.measured)
        write_json(self.run.scores_file(name), {"case": name, "scores": scores})

    def _resume(self, metrics: MetricNetworks) -> tuple[Measurements, int]:
        """Return the saved measurements and the number of finished cases."""
        state = self.run.folder / STATE
        if not state.exists():
            return Measurements.none(metrics), 0
        measured, notes = read_measurements(state, metrics)
        number = notes.get(DONE, "")
        return measured, int(number) if number.isdecimal() else measured.pairs

    def _forget(self, number: int) -> None:
        path = self.run.measured_file(number)
        with storage_errors(path):
            path.unlink(missing_ok=True)
        if self.done == self.total:
            with suppress(OSError):  # there is none, or it has files that others put there
                path.parent.rmdir()


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


def _case_scores(before: Measurements, after: Measurements) -> dict[str, float]:
    """Return the means over the frames of the last case; Fréchet distances are undefined for one clip."""
    values = {}
    for name, mean in after.averages.items():
        previous = before.averages[name]
        values[name] = (mean.total - previous.total) / (mean.count - previous.count)
    return values
