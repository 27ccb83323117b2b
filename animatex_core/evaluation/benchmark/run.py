"""Runs a system on all cases of a set in one setting; interrupted runs are resumed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...encoders.preprocessing import resize
from ...errors import InvalidInput
from ...utils.documents import document_errors
from ...utils.documents import read_json as read_plain_json
from ...utils.files import write_json
from ...utils.text import printable
from ...video.image import write_image
from ...video.writer import write_clip
from ..metrics.measurements import Measurements, read_measurements, write_measurements
from ..metrics.networks import MetricNetworks
from .cases import CaseSet, Setting, make_task
from .systems import Size, System
from .tables_and_charts import contact_sheet

STATE, CASES, SHEETS, CLIPS = "measurements.safetensors", "cases", "sheets", "clips"
LEFT_OUT, DONE = "left_out", "cases done"  # keys of a case's file and of the state

OnCase = Callable[[int, int], None]
"""Called with the number of finished cases and the total."""


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


@dataclass(frozen=True)
class Benchmark:
    """A set of cases with the metrics to compute.

    Attributes:
        cases: The set.
        metrics: Networks of the metrics.
        size: Width and height at which clips are compared.
        seed: Seed for the selection of humans.

    """

    cases: CaseSet
    metrics: MetricNetworks
    size: Size
    seed: int = 0

    def run(self, system: System, setting: Setting, folder: Path, on_case: OnCase) -> Measurements:
        """Evaluate a system, or resume an interrupted run with the same settings.

        The state is written last for every case, so that an interrupted case is repeated with identical
        results. A case that cannot be read or compared is left out, and its file contains the reason (see
        `left_out`).

        Args:
            system: The system.
            setting: The setting.
            folder: Folder of the state and, for every case, its scores, a contact sheet and the clip.
            on_case: Called after every case.

        Returns:
            The measurements of all cases.

        Raises:
            AnimateXError: The system fails, or the results cannot be written.

        """
        state, total = folder / STATE, len(self.cases.names)
        measured, number = self._resume(state)
        on_case(number, total)
        while number < total:
            try:
                measured = self._measured(system, setting, folder, measured, number)
            except InvalidInput as error:
                name = self.cases.names[number]
                write_json(folder / CASES / f"{name}.json", {"case": name, LEFT_OUT: str(error)})
            number += 1
            notes = {"last case": printable(self.cases.names[number - 1]), DONE: str(number)}
            write_measurements(state, measured, notes)
            on_case(number, total)
        return measured

    def _resume(self, state: Path) -> tuple[Measurements, int]:
        """Return the saved measurements and the number of finished cases."""
        if not state.exists():
            return Measurements.none(self.metrics), 0
        measured, notes = read_measurements(state, self.metrics)
        number = notes.get(DONE, "")
        return measured, int(number) if number.isdecimal() else measured.pairs

    def _measured(
        self, system: System, setting: Setting, folder: Path, done: Measurements, number: int
    ) -> Measurements:
        case = self.cases.case(number)
        task = make_task(case, setting, lambda: self.cases.human(np.random.default_rng([self.seed, number])))
        generated = system.clip(case.name, number, setting, task, self.size)
        real = np.stack([resize(frame, *self.size) for frame in case.frames])
        measured = done.with_pair(self.metrics, generated, real)
        scores = _case_scores(done, measured)
        write_json(folder / CASES / f"{case.name}.json", {"case": case.name, "scores": scores})
        write_image(folder / SHEETS / f"{case.name}.png", contact_sheet(task, generated, real))
        write_clip(folder / CLIPS / f"{case.name}.mp4", generated, fps=case.fps)
        return measured


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
