"""The SVG bar chart of all scores, and the contact sheet of a case."""

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

import numpy as np
from einops import rearrange

from ...encoders.preprocessing import resize
from ...pose.draw import draw_poses
from ..metrics.scores import HIGHER_IS_BETTER
from . import tables
from .cases import Task
from .tables import Results, Values, format_value, metrics_of

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
        bars[f"{tables.PAPER}, {setting}"] = tables.SCORES[setting], PAPER_COLOR
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
