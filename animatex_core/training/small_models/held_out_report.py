"""The report of a held-out evaluation: mean scores, a table and contact sheets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from einops import rearrange

from ...utils.files import write_json, write_text
from ...utils.text import markdown_table
from ...video.image import write_image
from .held_out import REAL, HeldOut, HeldOutCase

MOMENTS = 5  # frames shown of each clip
CASES_PER_SHEET = 8
SCORES = "scores.json"

Means = dict[str, dict[str, float]]
"""Clip -> score -> value."""


def report(held_out: HeldOut, folder: Path, say: Callable[[str], None]) -> Means:
    """Score all pairs and write the results to a folder.

    scores.json contains every score, and table.md the means, in Markdown for the model card. Each row of a
    contact sheet is one case: the character, then some frames of the dancer, the result and the true
    animation.

    Args:
        held_out: The evaluation.
        folder: Folder of the results; created if missing.
        say: Called with progress messages.

    Returns:
        The mean scores.

    """
    rows: list[np.ndarray] = []

    def show(number: int, case: HeldOutCase) -> None:
        rows.append(_row(case))
        ended = number + 1 == held_out.settings.pairs
        if ended or len(rows) == CASES_PER_SHEET:
            write_image(folder / f"sheet_{number // CASES_PER_SHEET}.png", np.concatenate(rows))
            rows.clear()
        say(f"{number + 1} of {held_out.settings.pairs} pairs")

    folder.mkdir(parents=True, exist_ok=True)
    means, each = mean_scores(held_out, show)
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


def _row(case: HeldOutCase) -> np.ndarray:
    """Return a row of a contact sheet, (h, (1 + 3 * moments) * w, 3)."""
    name = REAL if REAL in case.clips else next(iter(case.clips))
    clips = [case.triple.driver.frames, case.clips[name], case.triple.target.frames]
    moments = np.linspace(0, len(clips[0]) - 1, min(MOMENTS, len(clips[0]))).round().astype(int)
    images: Sequence[np.ndarray] = [case.triple.reference.frames, *(clip[moments] for clip in clips)]
    return rearrange(np.concatenate(images), "f h w c -> h (f w) c")
