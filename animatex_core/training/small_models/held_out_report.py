"""The report of a held-out evaluation: mean scores, a table and contact sheets."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ...utils.files import write_json, write_text
from ...utils.text import markdown_table
from .held_out import HeldOut, HeldOutCase
from .held_out_sheets import ContactSheets

SCORES = "scores.json"

Means = dict[str, dict[str, float]]
"""Clip -> score -> value."""


def report(held_out: HeldOut, folder: Path, say: Callable[[str], None]) -> Means:
    """Score all pairs and write the results to a folder.

    scores.json contains every score, and table.md the means, in Markdown for the model card. `ContactSheets`
    describes the images.

    Args:
        held_out: The evaluation.
        folder: Folder of the results; created if missing.
        say: Called with progress messages.

    Returns:
        The mean scores.

    """
    pairs, sheets = held_out.settings.pairs, ContactSheets(folder)

    def show(number: int, case: HeldOutCase) -> None:
        sheets.add(number, case)
        say(f"{number + 1} of {pairs} pairs")

    folder.mkdir(parents=True, exist_ok=True)
    means, each = mean_scores(held_out, show)
    sheets.finish(pairs - 1)
    write_text(folder / "table.md", table(means) + "\n")
    write_json(folder / SCORES, {"means": means, "each": each})
    return means


def mean_scores(held_out: HeldOut, show: Callable[[int, HeldOutCase], None]) -> tuple[Means, list[Means]]:
    """Score all pairs.

    Args:
        held_out: The evaluation.
        show: Called with the number of every case and the case.

    Returns:
        The mean scores, and the scores of each pair.

    """
    each = []
    for number in range(held_out.settings.pairs):
        case = held_out.case(number)
        show(number, case)
        each.append(held_out.scores(case))
    means = {
        clip: {score: float(np.nanmean([one[clip][score] for one in each])) for score in each[0][clip]}
        for clip in each[0]
    }
    return means, each


def table(means: Mapping[str, Mapping[str, float]]) -> str:
    """Format mean scores as a Markdown table."""
    columns = list(next(iter(means.values())))
    rows = ([clip, *(f"{values[column]:.3f}" for column in columns)] for clip, values in means.items())
    return markdown_table(["clip", *columns], rows)
