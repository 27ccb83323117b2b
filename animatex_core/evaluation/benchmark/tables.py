"""Markdown tables of scores next to those of the paper."""

from collections.abc import Iterable, Mapping, Sequence

from ...utils.text import markdown_table
from ..metrics.scores import FID, FID_VID, FVD, HIGHER_IS_BETTER, L1, LPIPS, METRICS, PSNR_SAFE, SSIM
from .cases import Setting

PAPER = "Animate-X on A2Bench (paper)"
_REPORTED = (PSNR_SAFE, SSIM, L1, LPIPS, FID, FID_VID, FVD)
SCORES: Mapping[Setting, Mapping[str, float]] = {
    "cross": dict(zip(_REPORTED, (13.60, 0.452, 1.02e-4, 0.430, 26.11, 32.23, 703.87), strict=True)),
    "self-driven": dict(zip(_REPORTED, (14.10, 0.463, 8.92e-5, 0.425, 31.58, 33.15, 849.19), strict=True)),
}
"""Values of Animate-X (Tan et al. 2024), tables 1 and 2."""

_ABLATION: Mapping[str, tuple[float, ...]] = {
    "without IPI": (13.30, 0.433, 1.35e-4, 0.454, 32.56, 64.31, 893.31),
    "without learnable query": (13.48, 0.445, 1.76e-4, 0.454, 28.24, 42.74, 754.37),
    "without keypoint query": (13.39, 0.445, 1.01e-4, 0.456, 30.33, 62.34, 913.33),
    "without EPI": (12.63, 0.403, 1.80e-4, 0.509, 42.17, 58.17, 948.25),
    "without realignment": (12.27, 0.433, 1.17e-4, 0.434, 34.60, 49.33, 860.25),
    "without rescaling": (13.23, 0.438, 1.21e-4, 0.464, 27.64, 35.95, 721.11),
}


def paper_rows(setting: Setting, systems: Iterable[str]) -> dict[str, Mapping[str, float]]:
    """Return the paper's values to compare with.

    Args:
        setting: The setting.
        systems: Names of the evaluated systems. For names of variants in table 4 (cross setting), such as
            `without EPI`, the values of the variant are included.

    Returns:
        Values by the label of the row.

    """
    rows = {PAPER: SCORES[setting]}
    if setting != "cross":
        return rows
    variants = (name for name in systems if name in _ABLATION)
    return rows | {
        f"{name}, on A2Bench (paper)": dict(zip(_REPORTED, _ABLATION[name], strict=True)) for name in variants
    }


Values = Mapping[str, float]
Results = Mapping[Setting, Mapping[str, Values]]
"""Setting -> system -> metric -> value."""


def format_tables(results: Results, notes: Sequence[str]) -> str:
    """Format a table for each setting, with arrows that show which direction is better.

    Args:
        results: Values by setting, system and metric.
        notes: Sentences below the tables.

    Returns:
        The document in Markdown.

    """
    parts = [f"## {setting}\n\n{_table(setting, systems)}" for setting, systems in results.items()]
    return "\n\n".join(parts) + "\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def metrics_of(results: Results) -> list[str]:
    """Return the metrics that any system has, in the order of the paper's tables."""
    known = {name for systems in results.values() for values in systems.values() for name in values}
    return [name for name in METRICS if name in known]


def format_value(metric: str, value: float) -> str:
    """Format a value with as many digits as in the paper."""
    if metric == L1:
        return f"{value:.2E}"
    return f"{value:.3f}" if metric in (SSIM, LPIPS) else f"{value:.2f}"


def _table(setting: Setting, systems: Mapping[str, Values]) -> str:
    metrics = metrics_of({setting: systems})
    titles = [f"{name} {'↑' if name in HIGHER_IS_BETTER else '↓'}".replace("*", "\\*") for name in metrics]
    rows = {**systems, **paper_rows(setting, systems)}
    cells = ([name, *(_cell(metric, values) for metric in metrics)] for name, values in rows.items())
    return markdown_table(["system", *titles], cells)


def _cell(metric: str, values: Values) -> str:
    return format_value(metric, values[metric]) if metric in values else ""
