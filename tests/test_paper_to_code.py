"""Every Python name in the documents for contributors exists. Read from the source: nothing is imported."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAPER_TO_CODE = ROOT / "docs" / "paper-to-code.md"
PAGES = (PAPER_TO_CODE, ROOT / "CONTRIBUTING.md")
NAME = re.compile(r"`(animatex_core(?:\.\w+)+)`")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something that one defines, or a member of its classes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = _file_of(parts[:length])
        if path is not None:
            return _is_defined(_tree(path), parts[length:])
    return False


def _file_of(parts: list[str]) -> Path | None:
    base = ROOT.joinpath(*parts)
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _is_defined(scope: ast.AST, names: list[str]) -> bool:
    if not names:
        return True
    name, *rest = names
    if isinstance(scope, ast.ClassDef) and not rest and name in _attributes(scope):
        return True
    return any(name in _bound(node) and (not rest or _has(node, rest)) for node in getattr(scope, "body", ()))


def _has(node: ast.AST, names: list[str]) -> bool:
    return isinstance(node, ast.ClassDef) and _is_defined(node, names)


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(node, Definition):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    flat = [each for target in targets for each in getattr(target, "elts", [target])]
    return {target.id for target in flat if isinstance(target, ast.Name)}


def _attributes(scope: ast.ClassDef) -> set[str]:
    """Return what the methods of a class assign to self, such as the layers of a network."""
    assigned = [node for node in ast.walk(scope) if isinstance(node, ast.Attribute)]
    stored = [node for node in assigned if isinstance(node.ctx, ast.Store)]
    return {node.attr for node in stored if isinstance(node.value, ast.Name) and node.value.id == "self"}


def names_in(path: Path) -> list[str]:
    return NAME.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_name_exists(path: Path) -> None:
    assert names_in(path)
    assert [name for name in names_in(path) if not exists(name)] == []


def test_every_row_of_the_tables_names_code() -> None:
    lines = PAPER_TO_CODE.read_text(encoding="utf-8").splitlines()
    rows = [
        line
        for line in lines
        if line.startswith("| ") and "---" not in line and not line.endswith("| code |")
    ]
    assert len(rows) > 100
    assert [row for row in rows if not NAME.search(row.rpartition(" | ")[2])] == []


def test_numbered_parts_of_the_paper_are_all_there() -> None:
    text = PAPER_TO_CODE.read_text(encoding="utf-8")
    numbered = ("section 3.1", "section 3.2", "section 3.3", "section 4.1", "equation 1", "equations 2 and 3")
    tables = ("tables 1 and 2", "table 4", "table 5")
    assert [part for part in (*numbered, *tables) if part not in text] == []


@pytest.mark.parametrize(
    "name",
    [
        "animatex_core",
        "animatex_core.errors",
        "animatex_core.errors.InvalidInput",
        "animatex_core.errors.PassingError",
        "animatex_core.errors.InvalidInput.gone",
        "animatex_core.gone",
        "animatex_core.errors.InvalidInput.__init__.gone",
    ],
)
def test_made_up_names_are_noticed(name: str) -> None:
    known = {"animatex_core", "animatex_core.errors", "animatex_core.errors.InvalidInput"}
    assert exists(name) == (name in known)


def test_members_of_classes_are_found() -> None:
    members = "class A:\n    x: int = 0\n    def f(self):\n        self.layer = 1\n"
    scope = ast.parse(members + "B: int = 1\nC = D = 2\nE, F = 1, 2\n")
    found = ("A", "A.x", "A.f", "A.layer", "B", "C", "D", "E", "F")
    missing = ("G", "A.y", "A.f.layer", "B.x")
    assert [name for name in found if not _is_defined(scope, name.split("."))] == []
    assert [name for name in missing if _is_defined(scope, name.split("."))] == []
