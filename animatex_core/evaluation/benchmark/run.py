"""A system on all cases in one setting, resumed wherever it was stopped."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...encoders.preprocessing import resize
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.documents import read_json as read_plain_json
from ...utils.files import write_json
from ...utils.text import printable
from ...video.image import write_picture
from ...video.writer import write_clip
from ..metrics.measurements import Measurements, read_measurements, write_measurements
from ..metrics.networks import MetricNetworks
from .cases import Case, CaseSet, Setting, Task, task_of
from .charts import contact_sheet
from .systems import Size, System


def write_or_match_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings to a file, or raise InvalidInput where it holds others, naming those that differ."""
    wanted = json.loads(json.dumps(settings))
    if not path.exists():
        write_json(path, wanted)
        return
    there = read_json(path)
    differing = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    if differing:
        told = "; ".join(f"{name} was {there.get(name)} and is now {wanted.get(name)}" for name in differing)
        raise InvalidInput(
            f"{path.parent} holds an evaluation with other settings ({told}): repeat those, or choose "
            "another folder."
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read what `place_json` wrote; raises InvalidInput for anything else."""
    try:
        found = read_plain_json(path)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read ({error}): choose another folder for the results."
        ) from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} is not what was written there: choose another folder for the results.")
    return found


STATE, CASES, SHEETS, CLIPS = "measurements.safetensors", "cases", "sheets", "clips"

LEFT_OUT, DONE = "left_out", "cases done"  # keys of a case's file and of the state

OnCase = Callable[[int, int], None]
"""Called with how many cases are done and how many there are."""


@dataclass(frozen=True)
class Benchmark:
    """cases under these metrics. size: width and height at which clips are compared. seed: of the humans."""

    cases: CaseSet
    metrics: MetricNetworks
    size: Size
    seed: int = 0

    def run(self, system: System, setting: Setting, folder: Path, on_case: OnCase) -> Measurements:
        """Measure a system, or go on where a run with the same settings was stopped.

        folder: gets the state, and for every case its scores, a contact sheet and the clip. A case counts as
        done once the state says so, which is written last; so one that was interrupted is done again, to the
        same bytes. A case that cannot be read or compared is left out, and its file says why: see `left_out`.
        Raises whatever else the system or the disk do.
        """
        state, total = folder / STATE, len(self.cases.names)
        measured, number = self._begun(state)
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

    def _begun(self, state: Path) -> tuple[Measurements, int]:
        """Return what was measured before, and of how many cases."""
        if not state.exists():
            return Measurements.none(self.metrics), 0
        measured, notes = read_measurements(state, self.metrics)
        number = notes.get(DONE, "")
        return measured, int(number) if number.isdecimal() else measured.pairs

    def _measured(
        self, system: System, setting: Setting, folder: Path, done: Measurements, number: int
    ) -> Measurements:
        case = self.cases.case(number)
        task = task_of(case, setting, lambda: self._human(number))
        generated = system.clip(case.name, number, setting, task, self.size)
        real = np.stack([resize(frame, *self.size) for frame in case.frames])
        measured = done.with_pair(self.metrics, generated, real)
        scores = _of_case(done, measured)
        write_json(folder / CASES / f"{case.name}.json", {"case": case.name, "scores": scores})
        _show(folder, case, task, generated, real)
        return measured

    def _human(self, number: int) -> PoseSequence:
        return self.cases.human(np.random.default_rng([self.seed, number]))


def left_out(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return why cases of a run were left out, by their names; folder: that of the run."""
    found = {name: read_json(folder / CASES / f"{name}.json").get(LEFT_OUT) for name in names}
    return {name: str(why) for name, why in found.items() if why is not None}


def _of_case(before: Measurements, after: Measurements) -> dict[str, float]:
    """The means over the frames of the last case; a Frechet distance has no value for one clip."""
    values = {}
    for name, mean in after.averages.items():
        known = before.averages[name]
        values[name] = (mean.total - known.total) / (mean.count - known.count)
    return values


def _show(folder: Path, case: Case, task: Task, generated: np.ndarray, real: np.ndarray) -> None:
    write_picture(folder / SHEETS / f"{case.name}.png", contact_sheet(task, generated, real))
    write_clip(folder / CLIPS / f"{case.name}.mp4", generated, fps=case.fps)
