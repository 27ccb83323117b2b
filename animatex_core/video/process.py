"""Child processes: the only file of the package that starts a program, ffmpeg, never through a shell."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import IO, Any, TypeAlias

from ..errors import InvalidInput, StorageError
from ..utils.progress import Check, no_check

CHUNK_BYTES = 1 << 20
QUIET_SECONDS = 60.0  # without input taken, output given or a message
POLL_SECONDS = 0.05
MAX_OUTPUT_BYTES = 128 << 20  # held in memory: a list of about two million packets
CAN_POLL = hasattr(select, "poll")  # not on Windows, where pipes block
Process: TypeAlias = "subprocess.Popen[bytes]"
# A separate group, so that a keyboard interrupt reaches only this process, which then ends ffmpeg.
_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)


@dataclass(frozen=True)
class Guard:
    """The limits of one run of ffmpeg.

    Attributes:
        subject: The file that is read or written, for messages.
        check: Called several times a second; an exception stops ffmpeg.
        output: The file that ffmpeg writes, whose growth counts as activity; None if it only reads.
        quiet: Seconds without activity after which ffmpeg is stopped.
        max_output: The maximum size of its standard output if that is held in memory, in bytes.

    """

    subject: str | Path
    check: Check = no_check
    output: Path | None = None
    quiet: float = QUIET_SECONDS
    max_output: int = MAX_OUTPUT_BYTES

    def stalled(self) -> InvalidInput | StorageError:
        """Return the exception for ffmpeg being inactive for too long."""
        name = str(self.subject)
        if self.output is None:
            return InvalidInput(
                f"Reading {name!r} was stopped because nothing arrived for {self.quiet:g} seconds: copy the "
                "file to a disk of this computer and try again, or export it again."
            )
        return StorageError(
            f"{name} could not be written because ffmpeg made no progress for {self.quiet:g} seconds: check "
            "the disk, or choose another directory."
        )


class Collector(Thread):
    """Reads a pipe to its end in the background."""

    def __init__(self, pipe: Any) -> None:  # IO[bytes] has no read1
        super().__init__(daemon=True)
        self._pipe, self._chunks, self.size = pipe, list[bytes](), 0
        self.start()

    def run(self) -> None:
        """Read until the pipe is closed."""
        with self._pipe:
            while chunk := self._pipe.read1(CHUNK_BYTES):
                self._chunks.append(chunk)
                self.size += len(chunk)

    @property
    def content(self) -> bytes:
        """Everything that arrived."""
        return b"".join(self._chunks)


def start(command: Sequence[str], *, writes: bool = False, reads: bool = True) -> Process:
    """Start a program in its own process group, so that a keyboard interrupt does not reach it.

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
        env={**os.environ, "LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"},
        creationflags=_GROUP,
        start_new_session=True,
    )


def ends_within(process: Process, seconds: float) -> bool:
    """Wait for a program to end, and return whether it ended in time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill(process: Process) -> None:
    """Kill a process group: children of a wrapper script named ffmpeg would keep the pipes open."""
    if process.poll() is None:
        if os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.wait()


def write_input(pipe: IO[bytes] | None, given: bytes) -> None:
    """Write bytes to the standard input of a program, which may end before it has read them."""
    if pipe is not None:
        with suppress(OSError), pipe:
            pipe.write(given)


def is_readable(pipe: IO[bytes], seconds: float) -> bool:
    """Wait up to some seconds until a pipe has bytes or has ended; only where CAN_POLL."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    return bool(waiting.poll(1000 * seconds))


def wait_until(done: Callable[[float], bool], guard: Guard, activity: Callable[[], object]) -> None:
    """Wait for something, watching for interrupts and inactivity.

    Args:
        done: Waits up to the given seconds and returns whether it is done.
        guard: The limits.
        activity: Returns a value that changes with each sign of activity.

    Raises:
        InvalidInput: Nothing happened for `guard.quiet` seconds.
        StorageError: The same, while a file was written.
        Exception: Whatever `guard.check` raises.

    """
    guard.check()  # even if ffmpeg is done before the first poll
    seen, quiet, before = None, 0.0, monotonic()
    while not done(POLL_SECONDS):
        guard.check()
        now, last, seen = monotonic(), seen, (activity(), _written(guard.output))
        # A poll counts as one second at most: a suspended computer is no stall.
        quiet, before = (quiet + min(now - before, 1.0) if seen == last else 0.0), now
        if quiet > guard.quiet:
            raise guard.stalled()


def _written(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found else None
