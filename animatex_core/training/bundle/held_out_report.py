"""What comes of held-out characters, in files: scores, a table, and sheets to look at."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from einops import rearrange

from ...placement import place_json, place_text
from ...video.picture import write_picture
from .held_out import REAL, Case, HeldOut, mean_scores, table

MOMENTS = 5  # of each clip
CASES_ON_A_SHEET = 8
SCORES = "scores.json"

Means = dict[str, dict[str, float]]


def report(held_out: HeldOut, folder: Path, say: Callable[[str], None]) -> Means:
    """Score all pairs and return the means; write them, and sheets, into a folder.

    scores.json has every score and table.md the means, in Markdown for the model card.

    A row of a sheet is one case: the character, and at some moments of the clip the dancer, what came out,
    and the true animation.
    """
    rows: list[np.ndarray] = []

    def show(number: int, case: Case) -> None:
        rows.append(_row(case))
        ended = number + 1 == held_out.settings.pairs
        if ended or len(rows) == CASES_ON_A_SHEET:
            write_picture(folder / f"sheet_{number // CASES_ON_A_SHEET}.png", np.concatenate(rows))
            rows.clear()
        say(f"{number + 1} of {held_out.settings.pairs} pairs")

    folder.mkdir(parents=True, exist_ok=True)
    means, each = mean_scores(held_out, show)
    place_text(folder / "table.md", table(means) + "\n")
    place_json(folder / SCORES, {"means": means, "each": each})
    return means


def _row(case: Case) -> np.ndarray:
    """(h, (1 + 3 * moments) * w, 3)."""
    first = next(iter(case.clips)) if REAL not in case.clips else REAL
    parts = [case.triple.driver.frames, case.clips[first], case.triple.target.frames]
    chosen = np.linspace(0, len(parts[0]) - 1, min(MOMENTS, len(parts[0]))).round().astype(int)
    moments: Sequence[np.ndarray] = [case.triple.reference.frames, *(part[chosen] for part in parts)]
    return rearrange(np.concatenate(moments), "f h w c -> h (f w) c")
