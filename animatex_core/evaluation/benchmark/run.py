"""A system on all cases in one setting, case after case, so that a run that was stopped goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...encoders.preprocess import resize
from ...errors import InvalidInput
from ...placement import place_json
from ...pose.skeleton import PoseSequence
from ...video.picture import write_picture
from ...video.write import write_clip
from ...wording import printable
from ..measurements import Measurements
from ..networks import Networks
from ..state import read_measurements, write_measurements
from .cases import Case, CaseSet
from .record import read_json
from .sheet import contact_sheet
from .systems import Size, System
from .tasks import Setting, Task, task_of

STATE, CASES, SHEETS, CLIPS = "measurements.safetensors", "cases", "sheets", "clips"

LEFT_OUT, DONE = "left_out", "cases done"  # keys of a case's file and of the state

OnCase = Callable[[int, int], None]
"""Called with how many cases are done and how many there are."""


@dataclass(frozen=True)
class Benchmark:
    """cases under these metrics. size: width and height at which clips are compared. seed: of the humans."""

    cases: CaseSet
    metrics: Networks
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
                place_json(folder / CASES / f"{name}.json", {"case": name, LEFT_OUT: str(error)})
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
        place_json(folder / CASES / f"{case.name}.json", {"case": case.name, "scores": scores})
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
