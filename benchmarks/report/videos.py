"""Reading and writing videos, compared with ffmpeg alone."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from animatex_core.video.info import probe
from benchmarks.clips import READ, READ_TO_NULL, WRITE, pairs, write_generated
from benchmarks.costs import in_turn

from .rows import Options, Source, cpu_ratios, wall_ratios

NAMES = {
    READ: "reading a video, compared with ffmpeg writing RGB to a file",
    READ_TO_NULL: "reading a video, compared with ffmpeg discarding RGB",
    WRITE: "writing a video, compared with ffmpeg reading RGB from a file",
}
CPU, WALL = "processor time", "time on the clock"
ROWS = tuple(f"{name}, {what}" for name in NAMES.values() for what in (CPU, WALL))


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of both times for each pair."""
    values: dict[str, Sequence[float]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        compared = pairs(probe(write_generated(folder)), folder)
        for key, title in NAMES.items():
            costs = in_turn(compared[key].ours, compared[key].alone, options.rounds)
            values |= {f"{title}, {CPU}": cpu_ratios(costs), f"{title}, {WALL}": wall_ratios(costs)}
    return values


SOURCE = Source("videos", ROWS, measure)
