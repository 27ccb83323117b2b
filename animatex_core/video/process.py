"""The only file of the package that starts a program: ffmpeg, never through a shell."""

import os
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


QUIET_SECONDS = 60.0  # without any input taken, output given or message
POLL_SECONDS = 0.05
MAX_OUTPUT_BYTES = 128 << 20  # of what is held in memory: a list of about two million packets


@dataclass(frozen=True)
class Guard:
    """Limits of one run of ffmpeg.

    Attributes:
        subject: The file that is read or written, for messages.
        check: Called several times a second; what it raises stops ffmpeg.
        output: The file that ffmpeg writes, None where it only reads. Its growth counts as activity.
        quiet: Seconds without activity after which ffmpeg is stopped.
        max_output: Bytes that its standard output may have, where that is held in memory.

    """

    subject: str | Path
    check: Check = no_check
    output: Path | None = None
    quiet: float = QUIET_SECONDS
    max_output: int = MAX_OUTPUT_BYTES

    def stalled(self) -> InvalidInput | StorageError:
        """Return the error for ffmpeg having been silent for too long."""
        name = str(self.subject)
        if self.output is None:
            return InvalidInput(
                f"Reading {name!r} was stopped, because nothing arrived for {self.quiet:g} seconds: copy the "
                "file to a disk of this computer and try again, or export it again."
            )
        return StorageError(
            f"{name} could not be written, because ffmpeg made no progress for {self.quiet:g} seconds: check "
            "the disk, or choose another folder."
        )


def wait_until(done: Callable[[float], bool], guard: Guard, activity: Callable[[], object]) -> None:
    """Wait until something is done, which the caller and the time without activity can end.

    Args:
        done: Waits up to the given seconds and returns whether it is done.
        guard: The limits.
        activity: Returns a value that changes whenever ffmpeg does something.

    Raises:
        InvalidInput, StorageError: Nothing happened for `guard.quiet` seconds.
        Exception: Whatever `guard.check` raises.

    """
    guard.check()  # also where ffmpeg is done before the first poll
    seen, quiet, before = None, 0.0, monotonic()
    while not done(POLL_SECONDS):
        guard.check()
        now, last, seen = monotonic(), seen, (activity(), _written(guard.output))
        # One poll counts for a second at most: a suspended computer is no stall.
        quiet, before = (quiet + min(now - before, 1.0) if seen == last else 0.0), now
        if quiet > guard.quiet:
            raise guard.stalled()


def _written(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found else None
