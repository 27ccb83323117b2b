"""Only named files of what ships start programs, open connections or run text as code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("animatex_core", "nodes", "__init__.py")

PROGRAMS = ("subprocess", "multiprocessing", "pty", "webbrowser", "pip", "asyncio.subprocess")
CONNECTIONS = (
    *("requests", "urllib3", "urllib.request", "huggingface_hub", "httpx", "aiohttp", "websockets"),
    *("socket", "socketserver", "ssl", "http", "ftplib", "smtplib", "telnetlib", "xmlrpc"),
)
ALLOWED = {
    "animatex_core.video.process": {"subprocess"},  # ffmpeg
    "animatex_core.hub.http": {"requests", "urllib3"},  # files that have an address of their own
    "animatex_core.hub.huggingface": {"huggingface_hub"},  # files of a hub
}
OS_CALLS = ("system", "popen", "startfile", "fork", "forkpty", "posix_spawn", "posix_spawnp")
RUNS_TEXT = ("eval", "exec", "compile", "__import__")


def sources() -> list[Path]:
    found = [ROOT / name for name in SHIPPED]
    return sorted(path for each in found for path in (each.rglob("*.py") if each.is_dir() else [each]))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every name that a file imports, in functions and for type checkers too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def restricted(tree: ast.AST) -> set[str]:
    """The packages of PROGRAMS and CONNECTIONS that a file imports."""
    names = list(imported(tree))
    return {
        package
        for package in (*PROGRAMS, *CONNECTIONS)
        for name in names
        if f"{name}.".startswith(f"{package}.")
    }


def risky_calls(tree: ast.AST) -> set[str]:
    """Calls of `os` that start a program, and of builtins that run text."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    of_os = {call.attr for call in calls if isinstance(call, ast.Attribute) and _is_of(call, "os")}
    plain = {call.id for call in calls if isinstance(call, ast.Name)}
    starting = {name for name in of_os if name in OS_CALLS or name.startswith(("exec", "spawn"))}
    return starting | (plain & set(RUNS_TEXT))


def _is_of(attribute: ast.Attribute, module: str) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id == module


def parsed(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_programs_and_connections_are_confined_to_one_file_each() -> None:
    found = {module_of(path): restricted(parsed(path)) for path in sources()}
    assert {module: packages for module, packages in found.items() if packages} == ALLOWED


def test_nothing_runs_text_or_a_shell() -> None:
    found = {module_of(path): risky_calls(parsed(path)) for path in sources()}
    assert len(found) > 100
    assert {module: calls for module, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("import subprocess", {"subprocess"}),
        ("def f():\n    from http.client import HTTPConnection", {"http"}),
        ("from urllib import request", {"urllib.request"}),
        ("from urllib.parse import quote", set()),
        ("import requests.exceptions as r, os", {"requests"}),
        ("from .requests import get", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(code: str, packages: set[str]) -> None:
    assert restricted(ast.parse(code)) == packages


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("import os\nos.system('x')", {"system"}),
        ("os.execv('x', [])", {"execv"}),
        ("exec('x')", {"exec"}),
        ("model.eval()\nre.compile('x')\nos.replace('a', 'b')", set()),
    ],
)
def test_calls_are_told_from_harmless_ones(code: str, calls: set[str]) -> None:
    assert risky_calls(ast.parse(code)) == calls
