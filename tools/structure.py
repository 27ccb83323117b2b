"""Measures how easily one finds one's way: `python tools/structure.py [FOLDER ...]`."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
LONG = 250  # lines


def modules(folder: Path) -> list[Path]:
    """Return the modules of a folder, without the docstrings that mark packages."""
    return sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")


def single_use_helpers(path: Path) -> Iterator[str]:
    """Yield private functions of a module that only one place of it mentions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    names.update(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("_") and names[node.name] == 1:
            yield node.name


def lines_of(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def report(folder: Path) -> Iterator[str]:
    """Yield what is measured of a folder, a line each."""
    paths = modules(folder)
    lengths = [lines_of(path) for path in paths]
    repeated = {name: count for name, count in Counter(path.name for path in paths).items() if count > 1}
    yield f"{folder.name}: {len(paths)} modules, {sum(lengths):,} lines, median {median(lengths):g}"
    yield f"  longer than {LONG} lines: {sum(length > LONG for length in lengths)}"
    yield f"  in the top folder: {sum(path.parent == folder for path in paths)}"
    yield f"  private helpers with one caller: {sum(len(list(single_use_helpers(path))) for path in paths)}"
    yield f"  file names that occur more than once: {len(repeated)} ({sum(repeated.values())} files)"


def main(folders: Sequence[str]) -> None:
    """Print the report of each folder."""
    for folder in folders or ("animatex_core", "nodes"):
        sys.stdout.writelines(f"{line}\n" for line in report((ROOT / folder).resolve()))


if __name__ == "__main__":
    main(sys.argv[1:])
