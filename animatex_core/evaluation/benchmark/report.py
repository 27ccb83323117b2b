"""The report of all runs: JSON, tables and a chart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...utils.files import write_json, write_text
from ..metrics.measurements import Measurements
from ..metrics.scores import Score
from .case_work import CASES, LEFT_OUT
from .cases import Setting
from .progress import read_json
from .run import left_out
from .tables_and_charts import chart, format_tables

JSON, TABLE, CHART = "results.json", "results.md", "results.svg"

Measured = Mapping[Setting, Mapping[str, Measurements]]
"""Setting -> system -> measurements."""

Missing = Mapping[tuple[Setting, str], Mapping[str, str]]
"""Setting and system -> case -> reason for leaving it out."""


def compute_scores(measured: Measurements) -> dict[str, Score]:
    """Return all scores that can be computed; Fréchet distances need two samples in each set."""
    skipped = undersampled_metrics(measured)
    sets = {name: both for name, both in measured.sets.items() if name not in skipped}
    return replace(measured, sets=sets).scores()


def undersampled_metrics(measured: Measurements) -> list[str]:
    """Return the Fréchet distances with fewer than two samples in a set."""
    return [name for name, both in measured.sets.items() if min(both.generated.count, both.real.count) < 2]


def write_report(
    folder: Path,
    measured: Measured,
    names: Sequence[str],
    settings: Mapping[str, Any],
    notes: Sequence[str],
) -> str:
    """Write results.json, results.md and results.svg.

    Args:
        folder: Folder of the runs.
        measured: Measurements by setting and system.
        names: Names of the cases.
        settings: Settings of the evaluation, for the JSON file.
        notes: Sentences below the tables.

    Returns:
        The tables in Markdown.

    Raises:
        InvalidInput: No case of any system could be measured.
        StorageError: A file cannot be written.

    """
    missing = {
        (setting, name): left_out(run_folder(folder, setting, name), names)
        for setting, systems in measured.items()
        for name in systems
    }
    if not any(each.pairs for systems in measured.values() for each in systems.values()):
        raise InvalidInput(next(why for left in missing.values() for why in left.values()))
    scores = {
        setting: {name: compute_scores(each) for name, each in systems.items() if each.pairs}
        for setting, systems in measured.items()
    }
    values = {
        setting: {
            name: {metric: score.value for metric, score in each.items()} for name, each in systems.items()
        }
        for setting, systems in scores.items()
    }
    text = format_tables(values, [*notes, *_gaps(measured), *_missing_notes(missing, len(names))])
    write_json(folder / JSON, {"settings": settings, "results": _for_json(folder, scores, names)})
    write_text(folder / CHART, chart(values))
    write_text(folder / TABLE, text)
    return text


def _missing_notes(missing: Missing, total: int) -> Iterator[str]:
    for (setting, system), left in missing.items():
        if left:
            yield f"{system}, {setting}: {total - len(left)} of {total} cases are scored."
        for case, why in left.items():
            yield f"The case {case} of {system}, {setting}, is left out: {why}"


def _gaps(measured: Measured) -> list[str]:
    return [
        f"{metric} of {name}, {setting}, is left out: it needs more than one sample, so use more cases."
        for setting, systems in measured.items()
        for name, each in systems.items()
        for metric in (undersampled_metrics(each) if each.pairs else [])
    ]


def run_folder(folder: Path, setting: Setting, system: str) -> Path:
    """Return the folder of the run of a system in a setting."""
    return folder / system / setting


def _for_json(
    folder: Path, scores: Mapping[Setting, Mapping[str, Mapping[str, Score]]], names: Sequence[str]
) -> dict[str, Any]:
    return {
        setting: {
            system: {
                "scores": {metric: asdict(score) for metric, score in each.items()},
                **_cases_for_json(run_folder(folder, setting, system), names),
            }
            for system, each in systems.items()
        }
        for setting, systems in scores.items()
    }


def _cases_for_json(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return the scores of the cases, and the reasons for leaving others out."""
    missing = left_out(folder, names)
    scored = (name for name in names if name not in missing)
    cases = {name: _case_scores(folder / CASES / f"{name}.json") for name in scored}
    return {"cases": cases, LEFT_OUT: missing} if missing else {"cases": cases}


def _case_scores(path: Path) -> dict[str, float]:
    scores = read_json(path).get("scores")
    if not isinstance(scores, dict):
        raise InvalidInput(
            f"{path} holds no scores: delete the folder {path.parent.parent} to repeat the evaluation."
        )
    return scores
