"""How far the evaluation of one system has come, whichever case is finished first."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import InvalidInput, StorageError
from ...utils.documents import document_errors
from ...utils.documents import read_json as read_plain_json
from ...utils.files import storage_errors, write_json
from ...utils.text import printable
from ..metrics.measurements import Measurements, read_measurements, write_measurements
from ..metrics.networks import MetricNetworks
from ..metrics.pairs import read_pair
from .case_work import LEFT_OUT, CaseJob, SystemRun

STATE, DONE = "measurements.safetensors", "cases done"  # the file of the state, and a key in it
PATIENCE, POLL = 90.0, 0.5  # seconds for files of other machines to become visible, and between two looks


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
        self._unseen: set[int] = set()
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
        """Note that a worker has finished a case, whose files may become visible later (see `settle`)."""
        self._unseen.add(number)
        self._look()

    def settle(self, patience: float = PATIENCE) -> None:
        """Wait for the files of finished cases that another machine has written.

        Args:
            patience: In seconds.

        Raises:
            StorageError: One cannot be seen from here.

        """
        deadline = time.monotonic() + patience
        while self._unseen:
            if time.monotonic() > deadline:
                name = printable(self._names[min(self._unseen)])
                raise StorageError(
                    f"The measurements of {name} cannot be seen in {self.run.folder}, although a worker has "
                    "written them: check that all machines share this folder, then start again."
                )
            time.sleep(POLL)
            with suppress(OSError):  # listing a folder lets a network file system look again
                os.listdir(self.run.measured_file(0).parent)
            self._look()

    def _look(self) -> None:
        """Find the files of finished cases."""
        for number in sorted(self._unseen):
            if self._is_measured(number):
                self._unseen.remove(number)
            elif self._is_left_out(number):
                self._unseen.remove(number)
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

    def _is_left_out(self, number: int) -> bool:
        path = self.run.scores_file(self._names[number])
        return path.exists() and LEFT_OUT in read_json(path)

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


def _case_scores(before: Measurements, after: Measurements) -> dict[str, float]:
    """Return the means over the frames of the last case; Fréchet distances are undefined for one clip."""
    values = {}
    for name, mean in after.averages.items():
        previous = before.averages[name]
        values[name] = (mean.total - previous.total) / (mean.count - previous.count)
    return values
