"""The options of every command: their names, choices and defaults are a promise to the users' scripts."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from animatex_core.cli.main import build_parser

FROZEN = Path(__file__).with_name("frozen_options.json")


Parser = argparse.ArgumentParser


def commands(parser: Parser, name: str = "") -> Iterator[tuple[str, Parser]]:
    """Yield every command and action, with its words separated by spaces."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not nested:
        yield name, parser
    for action in nested:
        for word, inner in action.choices.items():
            yield from commands(inner, f"{name} {word}".strip())


def described(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the options of a command, and the values that it sets without an option."""
    options = [_option(action) for action in parser._actions if action.dest != "help"]
    exclusive = [
        sorted(action.dest for action in group._group_actions) for group in parser._mutually_exclusive_groups
    ]
    fixed = {name: value for name, value in parser._defaults.items() if name != "run"}
    return {"options": options, "exclusive": exclusive, "defaults": _plain(fixed)}


def _option(action: argparse.Action) -> dict[str, Any]:
    return {
        "names": list(action.option_strings),
        "dest": action.dest,
        "kind": type(action).__name__,
        "nargs": action.nargs,
        "const": _plain(action.const),
        "default": _plain(action.default),
        "choices": None if action.choices is None else _plain(list(action.choices)),
        "required": action.required,
        "metavar": action.metavar,
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it; paths as POSIX writes them."""
    return json.loads(json.dumps(value, default=lambda other: other.as_posix()))


def test_no_option_changes() -> None:
    present = {name: described(parser) for name, parser in commands(build_parser())}
    frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
    assert present.keys() >= frozen.keys()
    for name, command in frozen.items():
        there = {option["dest"]: option for option in present[name]["options"]}
        assert {option["dest"]: there.get(option["dest"]) for option in command["options"]} == {
            option["dest"]: option for option in command["options"]
        }, name
        assert [option["dest"] for option in present[name]["options"]][: len(command["options"])] == [
            option["dest"] for option in command["options"]
        ]
        assert present[name]["exclusive"] == command["exclusive"]
        assert present[name]["defaults"] == command["defaults"]
