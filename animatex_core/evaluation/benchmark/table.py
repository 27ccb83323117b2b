"""Scores as tables in Markdown, beside those of the paper."""

from collections.abc import Mapping, Sequence

from ...markdown import markdown_table
from ..scores import HIGHER_IS_BETTER, L1, LPIPS, METRICS, SSIM
from . import paper
from .tasks import Setting

Values = Mapping[str, float]
Results = Mapping[Setting, Mapping[str, Values]]
"""Setting -> system -> metric -> value."""


def tables(results: Results, notes: Sequence[str]) -> str:
    """Write a table for each setting; arrows show which way is better. notes: sentences below."""
    parts = [f"## {setting}\n\n{_table(setting, systems)}" for setting, systems in results.items()]
    return "\n\n".join(parts) + "\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def metrics_of(results: Results) -> list[str]:
    """Return which metrics any system has, in the order of the paper's tables."""
    known = {name for systems in results.values() for values in systems.values() for name in values}
    return [name for name in METRICS if name in known]


def written(metric: str, value: float) -> str:
    """Write a value in as many digits as the paper does."""
    if metric == L1:
        return f"{value:.2E}"
    return f"{value:.3f}" if metric in (SSIM, LPIPS) else f"{value:.2f}"


def _table(setting: Setting, systems: Mapping[str, Values]) -> str:
    metrics = metrics_of({setting: systems})
    titles = [f"{name} {'↑' if name in HIGHER_IS_BETTER else '↓'}".replace("*", "\\*") for name in metrics]
    rows = {**systems, **paper.rows(setting, systems)}
    cells = ([name, *(_cell(metric, values) for metric in metrics)] for name, values in rows.items())
    return markdown_table(["system", *titles], cells)


def _cell(metric: str, values: Values) -> str:
    return written(metric, values[metric]) if metric in values else ""
