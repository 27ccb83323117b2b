"""README and docs: tests run every snippet, every link resolves, and tables name what exists."""

import argparse
import re
from pathlib import Path

import pytest

from animatex_core.cli.main import build_parser
from tests.documents import CORE, DOCS, DOCUMENTS, GROUPS, ROOT, TEXT, arguments_of, command_lines
from tests.markdown_links import anchors, broken_links

FOLDERS = (CORE, "benchmarks", "docs", "tests", "web", "workflow_tools", "workflows")
MARKDOWN = sorted([*ROOT.glob("*.md"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.md"))])
MODULES = (
    "animatex_core.training.small_models",
    "animatex_core.training.animate_x_plus",
)  # see test_training_doc.py


def test_snippets_are_in_languages_that_tests_run() -> None:
    fences = re.findall(r"^```(\w*)$", TEXT, flags=re.MULTILINE)
    assert set(fences[::2]) <= {"sh", "python", "bibtex", "mermaid"}
    assert set(fences[1::2]) == {""}


def test_every_command_is_run_by_a_test() -> None:
    of_core = {line[0] for line in arguments_of(CORE)}
    assert of_core == {name for names in GROUPS.values() for name in names}
    of_modules = [line for module in (CORE, *MODULES) for line in arguments_of(module)]
    # What is left is setting up, which test_readme.py compares with the Makefile.
    others = [line for line in command_lines() if not re.match(r"(python|torchrun [^ ]+ \d) -m ", line)]
    assert len(of_modules) + len(others) == len(command_lines())
    assert all(line.startswith(("make ", ".venv/bin/python -m ", "python3 -m venv")) for line in others)


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_resolve(path: Path) -> None:
    assert broken_links(path) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Two\n## It's `b`++\n## Two\n```\n# code\n```\n", encoding="utf-8")
    assert anchors(tmp_path / "b.md") == {"two", "its-b", "two-1"}
    links = (
        "[x](b.md#two) [x](b.md#code) [x](c.md) [x](#gone) [x](https://no.where) [x](b.md#two-1) `[x](d.md)`"
    )
    (tmp_path / "a.md").write_text(links, encoding="utf-8")
    assert broken_links(tmp_path / "a.md") == ["b.md#code", "c.md", "#gone"]


def test_index_lists_every_document() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert sorted([*linked, "index.md"]) == [path.name for path in DOCUMENTS[1:]]


def test_extras_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^([\w-]+) = \[", section, flags=re.MULTILINE))
    installed = re.findall(r"(?:-e|--editable) \"\.\[([\w,-]+)\]\"", TEXT)
    assert len(installed) > 3
    assert {name for names in installed for name in names.split(",")} <= extras
    table = (DOCS / "install.md").read_text(encoding="utf-8").partition("| extra |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.+?) \|", table, flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == extras


def test_files_that_documents_name_exist() -> None:
    named = re.findall(
        r"`((?:animatex_core|nodes|tests|workflows|web)/[\w/.-]+|[a-z]\w+\.(?:yaml|txt))`", TEXT
    )
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []


def parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands of a parser by their names."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: each for group in groups for name, each in group.choices.items()}


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a parser and of its commands."""
    own = set(parser._option_string_actions)
    return own.union(*(options(each) for each in parsers(parser).values()))


def test_command_line_names_every_command_and_no_unknown_option() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    table = text.partition("| command |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| \[?`([\w-]+)`", table, flags=re.MULTILINE)) == set(parsers(build_parser()))
    mentioned = set(re.findall(r"`(?:[\w-]+ )?(--[a-z][\w-]*)", text))
    assert len(mentioned) > 40
    assert mentioned - options(build_parser()) == set()


def test_nodes_and_workflows_are_all_described() -> None:
    text = (DOCS / "nodes.md").read_text(encoding="utf-8")
    pages = (ROOT / "web" / "docs").glob("*.md")
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in pages]
    assert len(titles) > 15
    assert [title for title in titles if f"*{title}*" not in text] == []
    table = text.partition("| workflow |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
