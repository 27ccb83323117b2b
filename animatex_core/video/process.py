"""The only file of the package that starts a program: ffmpeg, never through a shell.

Its pipes are read in the background, and all that it started ends with it.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import IO, Any, TypeAlias

CHUNK_BYTES = 1 << 20
Process: TypeAlias = "subprocess.Popen[bytes]"
# Apart from ours, so that an interrupt from the keyboard reaches only us and we end ffmpeg.
_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Collector(Thread):
    """Reads a pipe to its end, in the background."""

    def __init__(self, pipe: Any) -> None:  # IO[bytes] has no read1
        super().__init__(daemon=True)
        self._pipe, self._chunks, self.size = pipe, list[bytes](), 0
        self.start()

    def run(self) -> None:
        """Collect what arrives."""
        with self._pipe:
            while chunk := self._pipe.read1(CHUNK_BYTES):
                self._chunks.append(chunk)
                self.size += len(chunk)

    @property
    def content(self) -> bytes:
        """Everything that arrived."""
        return b"".join(self._chunks)


def start(command: Sequence[str], *, writes: bool = False, reads: bool = True) -> Process:
    """Start a program in a group of its own, so that an interrupt from the keyboard reaches only us.

    Args:
        command: The path of the program and its arguments.
        writes: Whether the caller writes to its standard input, which is empty otherwise.
        reads: Whether the caller reads its standard output, which is discarded otherwise.

    Returns:
        The running process; its standard error is always a pipe.

    """
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE if writes else subprocess.DEVNULL,
        stdout=subprocess.PIPE if reads else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        creationflags=_GROUP,
        start_new_session=True,
    )


def ends_within(process: Process, seconds: float) -> bool:
    """Wait for the end of a program, and return whether it came in time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill(process: Process) -> None:
    """End ffmpeg, and what a script of that name may have started, which would keep the pipes open."""
    if process.poll() is None:
        if os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.wait()


def feed(pipe: IO[bytes] | None, given: bytes) -> None:
    """Write bytes into the standard input of a program, which may end before it has read them."""
    if pipe is not None:
        with suppress(OSError), pipe:
            pipe.write(given)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"}
