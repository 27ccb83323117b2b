"""`python -m animatex_core COMMAND`: exit status 0, or 2 and one sentence for input that cannot work."""

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import cast

from animatex_core.commands import convert, demo, models
from animatex_core.errors import AnimateXError

COMMANDS = (demo, convert, models)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand."""
    parser = argparse.ArgumentParser(prog="animatex", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except AnimateXError as error:
        print(f"animatex: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("animatex: interrupted.", file=sys.stderr)
        return 130
    return 0


def run() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A path in any script must not end the work where the console knows only one.
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    sys.exit(main())
