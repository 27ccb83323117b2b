"""`python -m animatex_core COMMAND`: exit status 0, or 2 and one sentence for input that cannot work."""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, cast

from tqdm import tqdm

from ..errors import AnimateXError, AnimateXWarning
from ..utils.text import printable
from . import (
    animate,
    benchmark_set,
    convert,
    demo,
    epi,
    evaluate,
    models,
    pose,
    prepare,
    retarget,
    study,
    train,
)

COMMANDS = (
    animate, pose, retarget, demo, convert, models, prepare, epi, train, evaluate, study, benchmark_set,
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand."""
    parser = argparse.ArgumentParser(prog="animatex", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show every warning of ours, as a sentence without a place in the code."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        text = str(message) if issubclass(category, AnimateXWarning) else f"{category.__name__}: {message}"
        tqdm.write(printable(f"animatex: warning: {text}"), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", AnimateXWarning)
        warnings.showwarning = show
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        with warnings_in_one_line():
            arguments.run(arguments)
    except AnimateXError as error:
        print(printable(f"animatex: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("animatex: interrupted.", file=sys.stderr)
        return 130
    return 0


def run() -> None:
    """Entry point of the console script."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # A path in any script must not end the work where the console knows only one.
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _interrupt)  # so that what is half written goes away
    try:
        status = main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our words has gone; the interpreter must not write there again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
