"""A name that no file can have, at every option of every command: one sentence, never a traceback."""

import argparse
from pathlib import Path

import pytest
from PIL import Image

from animatex_core.cli.main import build_parser, main
from tests.cli.test_frozen_options import commands

TOO_LONG = "x" * 300
PARSERS = dict(commands(build_parser()))


def takes_text(action: argparse.Action) -> bool:
    """Return whether an option takes free text: a path, or something that may be one."""
    return action.nargs != 0 and action.choices is None and action.type in (None, str, Path)


OPTIONS = [
    (name, action.dest)
    for name, parser in PARSERS.items()
    for action in parser._actions
    if action.dest != "help" and takes_text(action)
]


def words(action: argparse.Action, value: str) -> list[str]:
    """Return an option with a value, as it is typed, and what it needs beside it."""
    count = action.nargs if isinstance(action.nargs, int) else 1
    return [*action.option_strings[:1], *[value] * count]


def plain(action: argparse.Action, files: dict[str, Path]) -> str:
    """Return a value that lets a command come as far as it can without models."""
    if action.choices is not None:
        return str(next(iter(action.choices)))
    return str(files.get(action.dest, files["reference"])) if takes_text(action) else "1"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    image = folder / "rabbit.png"
    Image.new("RGB", (64, 96), "white").save(image)
    return {"reference": image, "out": folder / "out"}


@pytest.mark.parametrize(("name", "dest"), OPTIONS)
def test_is_refused(
    name: str,
    dest: str,
    files: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = name.split()
    for action in PARSERS[name]._actions:
        if action.dest == dest:
            argv += words(action, TOO_LONG)
        elif action.required:
            argv += words(action, plain(action, files))
    try:
        status: object = main(argv)
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr().err.strip().splitlines()
    assert status == 0 or (status == 2 and said[-1].startswith("animatex")), argv
