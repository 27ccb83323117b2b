"""The table in a document, between two comments."""

from collections.abc import Mapping, Sequence

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEADER = ("| what | minimum | median | maximum | command |", "| --- | --- | --- | --- | --- |")


def rows_between(text: str) -> dict[str, str]:
    """Return the rows of a document's table by their first cell.

    Raises:
        ValueError: The document does not have each comment once, in order.

    """
    _, table, _ = _parts(text)
    lines = [line for line in table.splitlines() if line.startswith("| ")][len(HEADER) :]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


def with_rows(text: str, names: Sequence[str], measured: Mapping[str, str]) -> str:
    """Return a document with new rows; those that were not measured stay as they are.

    Args:
        text: The document.
        names: The first cells of all rows, in order. Other rows are removed.
        measured: New rows by their first cell.

    Raises:
        ValueError: As for `rows_between`.

    """
    before, _, after = _parts(text)
    rows = rows_between(text) | dict(measured)
    lines = [*HEADER, *(rows[name] for name in names if name in rows)]
    return "\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"])


def _parts(text: str) -> tuple[str, str, str]:
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"The document must contain {BEGIN} and later {END}, once each.")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    return before, table, after
