"""A batch of 8 characters and 5 dances, compared with 40 runs of `animate`."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.batch import compare_with_single_runs

from .rows import NotMeasuredError, Options, Source

CPU = "a batch of 8 characters and 5 dances, compared with 40 runs of `animate`, processor time"
WALL = "the same, time on the clock"


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of both times; each round takes many minutes."""
    if not options.batch:
        raise NotMeasuredError("it takes many minutes, so give --batch")
    values: dict[str, list[float]] = {CPU: [], WALL: []}
    for _ in range(options.rounds):
        with TemporaryDirectory() as folder:
            together, single = compare_with_single_runs(Path(folder))
        values[CPU].append(single.cpu / together.cpu)
        values[WALL].append(single.wall / together.wall)
    return dict(values)


SOURCE = Source("batches", (CPU, WALL), measure, options="--batch")
