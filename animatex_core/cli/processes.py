"""`animate` under `torchrun`: the first process is the command, the others are silent and assist it."""

import argparse
import os
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress

from ..errors import AnimateXError
from ..utils.launch import process_number

ASSISTED = "animate"
# In seconds. torchrun ends the others as soon as the first process has failed.
TIME_TO_FAIL = 60.0


def assists(argv: Sequence[str]) -> bool:
    """Return whether this process only assists the first one in running a command."""
    return process_number() > 0 and list(argv[:1]) == [ASSISTED]


def assist(parse: Callable[[], argparse.Namespace]) -> int:
    """Assist the first process until it has finished, without any output but that of a crash.

    Args:
        parse: Parses the arguments. The first process prints what is wrong with them.

    Returns:
        The exit status. After an error of this or another process it is 0: torchrun ends all processes when
        one fails, but the first one has yet to print the error, and then fails.

    """
    for number in (signal.SIGINT, signal.SIGTERM):  # it has no files to remove
        signal.signal(number, signal.SIG_DFL)
    warnings.simplefilter("ignore")
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        try:
            with redirect_stderr(nowhere):
                arguments = parse()
        except SystemExit as stop:
            if stop.code:  # torchrun would end the first process before it has printed the reason
                time.sleep(TIME_TO_FAIL)
            return int(stop.code or 0)
        from .animation import assist_in  # imports PyTorch, which parsing does without

        with suppress(AnimateXError):
            assist_in(arguments)
    return 0
