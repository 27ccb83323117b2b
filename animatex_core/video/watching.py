"""Waiting for ffmpeg: the caller can stop it at any time, and it may not stay silent for ever."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ..errors import InvalidInput, StorageError
from ..progress import Check, no_check

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
