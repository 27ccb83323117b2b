"""Tables of scores next to those of the paper, the chart of all scores, and the contact sheet of a case."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np
from einops import rearrange

from ...encoders.preprocessing import resize
from ...pose.draw import draw_poses
from ...utils.text import markdown_table
from ..metrics.scores import FID, FID_VID, FVD, HIGHER_IS_BETTER, L1, LPIPS, METRICS, PSNR_SAFE, SSIM
from .cases import Setting, Task

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
    cells = [
        [name, *(format_value(metric, values[metric]) if metric in values else "" for metric in metrics)]
        for name, values in rows.items()
    ]
    return markdown_table(["system", *titles], cells)


LABELS, BARS, VALUES = 300, 360, 90  # widths of the columns in pixels
ROW, TITLE, MARGIN = 22, 34, 14
COLORS = ("#4269d0", "#efb118", "#3ca951", "#ff725c", "#a463f2", "#9c6b4e")
PAPER_COLOR = "#9a9a9a"
MOMENTS = 6  # frames of a clip on a contact sheet
MAX_PIXELS = 192  # width of a frame on a contact sheet

Bars = Mapping[str, tuple[Values, str]]
"""Label -> values by metric, and the colour."""


def chart(results: Results) -> str:
    """Draw a group of bars for each metric: systems in both settings, and the paper's values in grey.

    Args:
        results: Values by setting, system and metric.

    Returns:
        The SVG document.

    """
    bars, top = _bars(results), MARGIN
    parts: list[str] = []
    for metric in metrics_of(results):
        shown = {label: (found[metric], color) for label, (found, color) in bars.items() if metric in found}
        parts += _block(metric, shown, top)
        top += TITLE + ROW * len(shown)
    width, height = LABELS + BARS + VALUES, top + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"


def _bars(results: Results) -> Bars:
    names = list(dict.fromkeys(name for systems in results.values() for name in systems))
    colors = {name: COLORS[index % len(COLORS)] for index, name in enumerate(names)}
    bars: dict[str, tuple[Values, str]] = {}
    for setting, systems in results.items():
        bars |= {f"{name}, {setting}": (values, colors[name]) for name, values in systems.items()}
        bars[f"{PAPER}, {setting}"] = SCORES[setting], PAPER_COLOR
    return bars


def _block(metric: str, shown: Mapping[str, tuple[float, str]], top: int) -> Iterator[str]:
    better = "higher" if metric in HIGHER_IS_BETTER else "lower"
    yield f'<text x="{MARGIN}" y="{top + 20}" font-weight="bold">{escape(metric)} ({better} is better)</text>'
    longest = max((value for value, _ in shown.values()), default=0.0)
    for row, (label, (value, color)) in enumerate(shown.items()):
        y = top + TITLE - 6 + ROW * row
        length = BARS * max(value, 0.0) / longest if longest > 0 else 0.0
        yield f'<text x="{LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
        yield f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{ROW - 5}" fill="{color}"/>'
        yield f'<text x="{LABELS + length + 6:.1f}" y="{y + 13}">{format_value(metric, value)}</text>'


def contact_sheet(task: Task, generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Draw a contact sheet: the reference, then frames of the poses, the generated and the true clip in rows.

    Args:
        task: Input of the system.
        generated: (f, h, w, 3) uint8.
        real: Likewise.

    Returns:
        (rows * h, columns * w, 3) uint8.

    """
    height, width = _size(real)
    frames = np.unique(np.linspace(0, len(real) - 1, min(MOMENTS, len(real))).round().astype(int)).tolist()
    poses = list(draw_poses(task.poses.select(frames), width, height))
    rows = [poses, generated[frames], real[frames]]
    reference = resize(task.reference.picture, width, height)
    shown = [[reference, *(resize(frame, width, height) for frame in row)] for row in rows]
    return rearrange(np.array(shown), "row moment h w c -> (row h) (moment w) c")


def _size(real: np.ndarray) -> tuple[int, int]:
    height, width = real.shape[1:3]
    scale = min(1.0, MAX_PIXELS / width)
    return max(1, round(height * scale)), max(1, round(width * scale))
