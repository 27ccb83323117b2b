"""The table of measurements in docs/fidelity-and-speed.md."""

import re
from pathlib import Path

import pytest

from benchmarks.report import preparing
from benchmarks.report.__main__ import DOCUMENT, SOURCES, main
from benchmarks.report.rows import NotMeasuredError, Options, Row, Source
from benchmarks.report.table import BEGIN, END, HEADER, rows_between, with_rows

NAMES = [what for source in SOURCES for what in source.rows]
OLD = "| kept | 1.00 | 2.00 | 3.00 | `command` |"


def page(*rows: str) -> str:
    return "\n".join(["# Speed", "", BEGIN, "", *HEADER, *rows, "", END, "", "More | words", ""])


def missing(options: Options) -> dict:
    raise NotMeasuredError("nothing of the kind is installed")


def source(name: str, *values: float) -> Source:
    return Source(name, (name,), lambda options: {name: values[: options.rounds]})


def test_a_row_shows_the_spread_of_its_rounds() -> None:
    row = Row("what", [3.0, 1.0, 1.5], " s", "--only it")
    assert row.text == "| what | 1.00 s | 1.50 s | 3.00 s | `python -m benchmarks.report --only it` |"


def test_new_rows_replace_theirs_and_the_others_stay() -> None:
    text = page("| new | 0.10 | 0.20 | 0.30 | `a` |", OLD, "| gone | 1.00 | 1.00 | 1.00 | `b` |")
    new = "| new | 4.00 | 5.00 | 6.00 | `c` |"
    assert with_rows(text, ["kept", "first", "new"], {"new": new}) == page(OLD, new)
    assert with_rows(page(), ["new"], {"new": new}) == page(new)
    assert rows_between(page(OLD)) == {"kept": OLD}


@pytest.mark.parametrize(
    "text", ["", BEGIN, END + BEGIN, BEGIN + BEGIN + END], ids=["none", "one", "turned", "two"]
)
def test_a_document_without_both_comments_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must contain"):
        rows_between(text)


def test_what_cannot_be_measured_is_named_and_keeps_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "speed.md"
    path.write_text(page(OLD))
    sources = source("first", 2.0, 1.0, 7.0), Source("kept", ("kept",), missing), source("last", 9.0)
    main(["--out", str(path), "--rounds", "2", "--only", "first", "kept"], sources)
    first = "| first | 1.00 | 1.50 | 2.00 | `python -m benchmarks.report --only first` |"
    assert path.read_text() == page(first, OLD)
    assert capsys.readouterr().out == f"{first}\nkept not measured: nothing of the kind is installed\n"


def test_preparing_frames_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "speed.md"
    path.write_text(page(OLD))
    main(["--out", str(path), "--rounds", "1", "--only", "preparing"])
    rows = rows_between(path.read_text())
    assert list(rows) == list(preparing.ROWS)
    for row in rows.values():
        assert all(0 < float(value) < 100 for value in re.findall(r"\| (\d+\.\d+) ", row))


def test_the_document_has_the_rows_of_the_sources_in_order() -> None:
    assert [what for what in NAMES if what in rows_between(DOCUMENT.read_text(encoding="utf-8"))] == list(
        rows_between(DOCUMENT.read_text(encoding="utf-8"))
    )
    assert len(set(NAMES)) == len(NAMES)
