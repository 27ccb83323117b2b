"""Tables as Markdown has them."""

from collections.abc import Iterable, Sequence


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of texts, the names of its columns above; all columns but the first are set right."""
    rules = ["---", *("---:" for _ in columns[1:])]
    return "\n".join([_line(columns), f"| {' | '.join(rules)} |", *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    written = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {written} |"
