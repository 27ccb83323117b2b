"""Turns the rows of a job list into the arguments of `animate`, and orders the jobs."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..batch.job_list import Row, as_flag, pair_folders, read_job_list
from ..batch.storage import is_url
from ..errors import InvalidInput
from .animate import add_options
from .options import flag_of

# A batch names its results itself, and continues none.
NOT_IN_ROWS = ("out", "side_by_side", "extend", "extend_frames")
OF_FILES = (*("reference", "reference_pose", "mask", "driving", "motion", "poses", "bones", "first", "last"),)
"""Options that name an input file, which may be a URL."""

MAX_SHOWN = 20  # problems in a message

JobT = TypeVar("JobT")


class RowParser(argparse.ArgumentParser):
    """A parser that raises InvalidInput instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong."""
        raise InvalidInput(message)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row.

    Attributes:
        row: Its number.
        sentence: What is wrong.

    """

    row: int
    sentence: str


def require_together(arguments: Namespace) -> None:
    """Raise InvalidInput if options are given that do nothing here, or nothing on servers."""
    if bool(arguments.servers) != (arguments.workflow is not None):
        raise InvalidInput("--servers and --workflow belong together: give both, or neither.")
    if not arguments.servers:
        if arguments.header or arguments.in_flight != 1:
            raise InvalidInput("--header and --in-flight are for --servers: leave them out, or give servers.")
        return
    if arguments.results is not None:
        raise InvalidInput("--results is for animating here or with Ray: leave it or --servers out.")
    parser = argparse.ArgumentParser(argument_default=None)
    add_options(parser)
    usual = vars(parser.parse_args(["--reference", "x", "--driving", "x"]))
    for name, value in vars(arguments).items():
        if name in usual and name not in ("out", "seed") and value != usual[name]:
            raise InvalidInput(
                f"{flag_of(name)} is for animating here: set inputs of the workflow in the job list."
            )


def find_rows(arguments: Namespace) -> tuple[list[Row], Path]:
    """Return the rows of the job list or of the paired folders, and the folder that paths are relative to.

    Raises:
        InvalidInput: There are both or neither, or they cannot be read.

    """
    folders = arguments.references, arguments.drivings
    if (arguments.jobs is None) == (folders == (None, None)):
        raise InvalidInput("Give either a job list, or --references and --drivings.")
    if arguments.jobs is not None:
        return read_job_list(arguments.jobs), arguments.jobs.absolute().parent
    if None in folders:
        raise InvalidInput("--references and --drivings belong together: give both.")
    return pair_folders(arguments.references, arguments.drivings, arguments.pairs), Path.cwd()


class RowReader:
    """Parses rows with the options of `animate`.

    Args:
        usual: The parsed options of `batch`, which are the defaults of every row.
        folder: What relative paths are relative to.

    """

    def __init__(self, usual: Namespace, folder: Path) -> None:
        self._parser = RowParser(prog="animate", add_help=False, allow_abbrev=False)
        add_options(self._parser)
        self._usual, self._folder = usual, folder
        self._options = {
            name.lstrip("-").replace("-", "_"): action
            for action in self._parser._actions
            for name in action.option_strings
            if action.dest not in NOT_IN_ROWS
        }

    def unknown(self, rows: Iterable[Row]) -> list[Problem]:
        """Return a problem for the first row of every column that is no option."""
        first: dict[str, int] = {}
        for row in rows:
            for name in row.values:
                first.setdefault(name, row.number)
        return [
            Problem(number, f"the column {name!r} is no option of animate: see `animatex animate --help`.")
            for name, number in first.items()
            if name not in self._options
        ]

    def urls(self, row: Row) -> dict[str, str]:
        """Return the inputs of a row that are URLs, by their columns."""
        return {
            name: value
            for name, value in row.values.items()
            if self._options[name].dest in OF_FILES and isinstance(value, str) and is_url(value)
        }

    def read(self, row: Row) -> Namespace:
        """Return the arguments of a row, with those of the batch for what it leaves out.

        Raises:
            InvalidInput: A value is not possible, or a column is missing.

        """
        if not {"driving", "motion"} & row.values.keys() or "reference" not in row.values:
            missing = "driving" if "reference" in row.values else "reference"
            raise InvalidInput(f"the column {missing!r} is missing or empty: every row needs it.")
        words = [word for name, value in row.values.items() for word in self._words(name, value)]
        usual = {name: value for name, value in vars(self._usual).items() if name not in ("out", "run")}
        arguments = self._parser.parse_args(
            words, Namespace(**usual, out=None, side_by_side=None, finished=None)
        )
        return self._resolved(arguments, row.values)

    def _words(self, name: str, value: Any) -> list[str]:
        action = self._options[name]
        option = action.option_strings[0]
        if action.nargs == 0:
            return [option] if as_flag(name, value) else []
        if action.nargs == "+":
            parts = (
                value if isinstance(value, list) else str(value).replace(",", " ").replace(";", " ").split()
            )
            return [option, *map(str, parts)]
        if isinstance(value, bool | list | dict):
            raise InvalidInput(f"{name} is {value!r}, but it must be a text or a number.")
        return [f"{option}={value}"]

    def _resolved(self, arguments: Namespace, given: Mapping[str, Any]) -> Namespace:
        for name, text in given.items():
            action = self._options[name]
            if action.nargs == 0 and not as_flag(name, text):  # also against an option of the command line
                setattr(arguments, action.dest, action.default)
            value = getattr(arguments, action.dest, None)
            if isinstance(value, Path):
                setattr(arguments, action.dest, self._folder / value)
        model = self._folder / str(given.get("model", ""))
        if "model" in given and model.is_file():
            arguments.model = str(model)
        return arguments


def refuse(problems: Sequence[Problem], source: str) -> None:
    """Raise InvalidInput with all problems, unless there are none.

    Args:
        problems: What is wrong.
        source: What messages call the job list.

    """
    if not problems:
        return
    ordered = sorted(problems, key=lambda problem: problem.row)
    lines = [f"  row {problem.row}: {problem.sentence}" for problem in ordered[:MAX_SHOWN]]
    if len(ordered) > MAX_SHOWN:
        lines.append(f"  and {len(ordered) - MAX_SHOWN} more")
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    raise InvalidInput("\n".join([f"{source} has {count}, and nothing was started:", *lines]))


def in_groups(jobs: Iterable[JobT], key: Callable[[JobT], Hashable]) -> list[JobT]:
    """Put jobs with equal keys together, in the order in which the keys first occur."""
    groups: dict[Hashable, list[JobT]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return [job for group in groups.values() for job in group]
