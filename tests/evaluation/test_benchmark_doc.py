"""The page about the benchmark: commands that are understood, and files that are there."""

import re
import shlex
from pathlib import Path

import pytest

from animatex_core.cli.main import build_parser

from .benchmark_samples import contents, evaluate

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The benchmark\n")[2].partition("\n## ")[0]
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", SECTION, flags=re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_understood(line: str) -> None:
    words = shlex.split(line.removeprefix("python -m animatex_core "))
    arguments = build_parser().parse_args(words)
    assert arguments.command == "evaluate"
    assert arguments.systems


def test_results_lie_where_the_page_says(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "out", "small", "--cases=1", "--setting=cross") == 0
    files = contents(tmp_path / "out")
    told = re.findall(r"`((?:results\.|SYSTEM)[\w./]+)`", SECTION)
    assert len(told) == 5
    for name in told:
        place = name.replace("SYSTEM/SETTING", "small/cross")
        assert any(file == place or file.startswith(f"{place}/") for file in files), name
