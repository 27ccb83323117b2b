"""What a row of the table is, and what measures it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.costs import Cost

COMMAND = "python -m benchmarks.report"


class NotMeasuredError(Exception):
    """What a measurement needs is not there; the text says what."""


@dataclass(frozen=True)
class Options:
    """What the user chose.

    Attributes:
        rounds: How many times everything is measured.
        authors: A copy of the official repository; None leaves out what needs it.
        batch: Whether to measure batches, which takes many minutes.

    """

    rounds: int = 5
    authors: Path | None = None
    batch: bool = False


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        what: What was measured, which also identifies the row.
        values: One by round.
        unit: Of the values; "" for ratios, where more than 1 is faster than what is compared with.
        options: Of the command that measures it again.

    """

    what: str
    values: Sequence[float]
    unit: str = ""
    options: str = ""

    @property
    def text(self) -> str:
        """The row in Markdown."""
        spread = min(self.values), median(self.values), max(self.values)
        cells = [self.what, *(f"{value:.2f}{self.unit}" for value in spread), f"`{COMMAND} {self.options}`"]
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Source:
    """Measures one or several rows.

    Attributes:
        name: For `--only`.
        rows: What the rows measure, in the order of the table.
        measure: Returns values by row. It raises NotMeasuredError if something it needs is missing.
        unit: Of the values.
        options: Options that the command needs in addition.

    """

    name: str
    rows: tuple[str, ...]
    measure: Callable[[Options], dict[str, Sequence[float]]]
    unit: str = ""
    options: str = ""

    def measured(self, options: Options) -> list[Row]:
        """Measure; may raise NotMeasuredError."""
        values, chosen = self.measure(options), f"--only {self.name} {self.options}".strip()
        return [Row(what, values[what], self.unit, chosen) for what in self.rows]


def cpu_ratios(costs: Sequence[tuple[Cost, Cost]]) -> list[float]:
    """Return how many times less processor time the first of each pair takes than the second."""
    return [theirs.cpu / ours.cpu for ours, theirs in costs]


def wall_ratios(costs: Sequence[tuple[Cost, Cost]]) -> list[float]:
    """Return how many times as fast the first of each pair is on the clock."""
    return [theirs.wall / ours.wall for ours, theirs in costs]
