"""`python -m animatex_core COMMAND`: the exit status is 0, or 2 with one sentence for invalid input."""

import argparse
import errno
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from types import MappingProxyType
from typing import Any, cast

from tqdm import tqdm

from ..errors import AnimateXError, AnimateXWarning
from ..utils.allocator import keep_freed_memory
from ..utils.files import DISK_FULL_ERRORS
from ..utils.text import printable
from .processes import assist, assists

DESCRIPTION = "Animate characters with Animate-X and Animate-X++."
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "animate": "animate the character in an image with the motion of a video",
        "pose": "detect the poses in a video or image",
        "retarget": "retarget poses to a character",
        "demo": "animate a drawn character with the built-in models",
        "convert": "convert an official checkpoint to one safetensors file",
        "models": "list, download and verify model files",
        "prepare": "encode a folder of videos for training",
        "epi": "draw how the explicit pose indicator (EPI) changes poses in training",
        "train": "train Animate-X or Animate-X++",
        "evaluate": "run the benchmark and compare with the paper",
        "study": "build and evaluate a user study of several systems",
        "benchmark-set": "build a benchmark set of characters and dances",
        "sprite-sheet": "put the frames of a video on a sprite sheet for game engines",
        "batch": "animate many characters with many dances",
    }
)
"""All commands and their summaries, in the order of the help."""

USERS_ERRORS = (
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
    *(errno.EROFS, errno.EINVAL, *DISK_FULL_ERRORS),
)
"""Error numbers of the operating system that are about a name or place that a user gives."""


def build_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser.

    Args:
        commands: Commands whose options are needed. Only their modules are imported, since some need PyTorch.

    Returns:
        A parser with the names of all commands, and the options of these.

    """
    parser = argparse.ArgumentParser(prog="animatex", description=DESCRIPTION)
    subparsers = parser.add_subparsers(dest="command", required=True)
    selected = set(commands)
    for name, summary in COMMANDS.items():
        if name in selected:
            module = import_module(f".{name.replace('-', '_')}", __package__)
            module.add_parser(subparsers, summary)
        else:
            subparsers.add_parser(name, help=summary)
    return parser


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print each warning as one sentence, without its location in the code."""

    def show(message: Warning | str, category: type[Warning], *location: Any, **options: Any) -> None:
        text = str(message) if issubclass(category, AnimateXWarning) else f"{category.__name__}: {message}"
        tqdm.write(printable(f"animatex: warning: {text}"), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", AnimateXWarning)
        warnings.showwarning = show
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The arguments; default: those of the process.

    Returns:
        The exit status: 0, 2 for invalid input or a file that cannot be used, or 130 if interrupted.

    Raises:
        OSError: The operating system failed at something other than a named file.

    """
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser(argv[:1]).parse_args(argv)
    try:
        with warnings_in_one_line():
            arguments.run(arguments)
    except AnimateXError as error:
        print(printable(f"animatex: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None or error.errno not in USERS_ERRORS:
            raise
        print(printable(f"animatex: {_os_failure(error)}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("animatex: interrupted.", file=sys.stderr)
        return 130
    return 0


def _os_failure(error: OSError) -> str:
    # Names that are too long, folders that may not be read and the like, wherever a command meets them first.
    remedy = "free some space" if error.errno in DISK_FULL_ERRORS else "check path and permissions"
    return f"{str(error.filename)!r} cannot be opened ({error.strerror}): {remedy}."


def run() -> None:
    """Entry point of the console script."""
    keep_freed_memory()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # A console with a limited encoding must not end the command because of a path.
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    argv = sys.argv[1:]
    if assists(argv):
        sys.exit(assist(lambda: build_parser(argv[:1]).parse_args(argv)))
    signal.signal(signal.SIGTERM, _interrupt)  # removes partly written files
    try:
        status = main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the pipe has gone; the interpreter must not write to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
