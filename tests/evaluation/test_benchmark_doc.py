"""The documentation of the benchmark: its commands parse and its files exist."""

import re
from pathlib import Path

import pytest

from animatex_core.cli.main import build_parser
from tests.documents import DOCS, core_commands

from .benchmark_samples import contents, evaluate

PAGE = (DOCS / "evaluation.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The benchmark\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("line", core_commands("benchmark"), ids=" ".join)
def test_commands_are_understood(line: list[str]) -> None:
    arguments = build_parser().parse_args(line)
    assert arguments.command == "evaluate"
    assert arguments.systems


def test_results_are_where_the_page_says(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "out", "small", "--cases=1", "--setting=cross") == 0
    files = contents(tmp_path / "out")
    names = re.findall(r"`((?:results\.|SYSTEM)[\w./]+)`", SECTION)
    assert len(names) == 5
    for name in names:
        place = name.replace("SYSTEM/SETTING", "small/cross")
        assert any(file == place or file.startswith(f"{place}/") for file in files), name
