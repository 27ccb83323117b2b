"""Locales and help pages as files; `tests/comfyui/test_docs.py` holds them to the nodes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS, LOCALES = ROOT / "web" / "docs", ROOT / "locales"
LONGEST_WORD = 32  # characters that fit in a line of the help panel as it opens


def node_defs(language: str) -> dict[str, Any]:
    return json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))


def texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [text for each in value.values() for text in texts(each)]


def test_every_node_of_the_locales_has_a_page_in_both_languages() -> None:
    known = set(node_defs("zh"))
    assert {path.stem for path in DOCS.glob("*.md")} == known
    assert {path.parent.name for path in DOCS.glob("*/zh.md")} == known


@pytest.mark.parametrize("path", sorted(LOCALES.glob("*/*.json")), ids=lambda path: path.parent.name)
def test_locales_are_texts_without_placeholders(path: Path) -> None:
    found = texts(json.loads(path.read_text(encoding="utf-8")))
    assert found
    # ComfyUI's frontend would take these for placeholders, links and plurals.
    assert [text for text in found if not text.strip() or set(text) & set("{}@|")] == []


def test_english_adds_readable_names_alone() -> None:
    names = {
        (node, name): told
        for node, texts in node_defs("en").items()
        for name, told in texts["inputs"].items()
    }
    assert names
    assert all(told == {"name": name.replace("_", " ")} for (_, name), told in names.items())
    assert {node for node, _ in names} <= set(node_defs("zh"))


@pytest.mark.parametrize(
    "path", sorted(DOCS.rglob("*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_pages_fit_on_a_screen_or_two(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert 15 < len(lines) <= 90


@pytest.mark.parametrize(
    "path", sorted(DOCS.rglob("*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_code_in_pages_breaks_where_the_help_panel_is_narrow(path: Path) -> None:
    codes = re.findall("`(.+?)`", path.read_text(encoding="utf-8"))
    parts = [part for code in codes for part in re.split(r"[\s-]", code)]
    assert [part for part in parts if len(part) > LONGEST_WORD] == []
