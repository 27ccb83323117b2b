"""The processor time of commands that compute nothing, most of which is the import of modules."""

import subprocess
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.costs import cost_of

from .rows import Options, Source

COMMANDS = {
    "`animatex --help`, processor time": ("--help",),
    "`animatex models list`, processor time": ("models", "list"),
}


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return seconds of processor time."""
    values: dict[str, Sequence[float]] = {}
    for what, arguments in COMMANDS.items():
        command = [sys.executable, "-m", "animatex_core", *arguments]
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        run()  # reads the files into the cache of the system
        values[what] = [cost_of(run).cpu for _ in range(options.rounds)]
    return values


SOURCE = Source("commands", tuple(COMMANDS), measure, unit=" s")
