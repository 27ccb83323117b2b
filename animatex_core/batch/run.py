"""The loop that works jobs off, one at a time, on this machine."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Protocol, TypeVar

from ..errors import AnimateXError, Cancelled, StorageError
from .manifest import Manifest

Note = Callable[[str], None]
"""Called with a sentence for the user."""


class Job(Protocol):
    """A job, as the loop sees it."""

    @property
    def name(self) -> str:
        """The path of its result in the folder of the batch, with forward slashes."""
        ...

    @property
    def out(self) -> Path:
        """Where its result is written."""
        ...


@dataclass(frozen=True)
class Result:
    """How one job ended.

    Attributes:
        name: Of the job.
        error: Why it failed; None if it is done.
        seconds: How long it took.

    """

    name: str
    error: str | None
    seconds: float

    @property
    def sentence(self) -> str:
        """What to tell of a job that failed."""
        return f"{self.name}: failed: {self.error}"


class Stop:
    """The wish to stop after the job that runs. The second wish stops at once, by KeyboardInterrupt."""

    def __init__(self, note: Note) -> None:
        self.wanted = False
        self._note = note

    def __call__(self, number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        """Note the wish; usable as the handler of a signal."""
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        self._note("Stopping after this job; press Ctrl+C again to stop now. Nothing that is done is lost.")


def require_not_stopped(stop: Stop) -> None:
    """Raise KeyboardInterrupt if a stop is wanted, after what ran has been finished."""
    if stop.wanted:
        raise KeyboardInterrupt


@contextmanager
def stopping_on_interrupt(note: Note) -> Iterator[Stop]:
    """Turn the first Ctrl+C of the block into a wish to stop; outside the main thread, do nothing."""
    stop = Stop(note)
    if current_thread() is not main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


JobT = TypeVar("JobT", bound=Job)


def run_jobs(
    jobs: Iterable[JobT],
    manifest: Manifest,
    animate: Callable[[JobT], None],
    *,
    stop: Stop,
    peak: Callable[[], int | None],
) -> Iterator[Result]:
    """Work jobs off in their order, and note in the manifest how each one ends.

    A job that fails stops no other, even by a fault of the program, except where its result could not be
    written: the next ones could not either.

    Args:
        jobs: The jobs that are not done.
        manifest: Of the folder.
        animate: Does a job: writes its result under its name, complete or not at all.
        stop: Looked at before every job.
        peak: Returns the most memory that was in use since the last call; None if unknown.

    Yields:
        How each job ended.

    Raises:
        StorageError: A result could not be written.

    """
    for job in jobs:
        if stop.wanted:
            return
        yield _run(job, manifest, animate, peak)


def _run(
    job: JobT, manifest: Manifest, animate: Callable[[JobT], None], peak: Callable[[], int | None]
) -> Result:
    manifest.start(job.name)
    begin, failure = time.monotonic(), None
    try:
        animate(job)
    except (KeyboardInterrupt, Cancelled):
        manifest.wait(job.name)
        raise
    except Exception as error:  # noqa: BLE001  # of any kind: the other jobs go on
        failure = error
    seconds = time.monotonic() - begin
    if failure is None:
        manifest.finish(job.name, seconds, peak())
        return Result(job.name, None, seconds)
    manifest.fail(job.name, sentence_of(failure), seconds)
    if isinstance(failure, StorageError):
        raise failure
    return Result(job.name, sentence_of(failure), seconds)


def sentence_of(failure: Exception) -> str:
    """Return why a job failed."""
    if isinstance(failure, AnimateXError | OSError):
        return str(failure)
    return f"{type(failure).__name__}: {failure} (a fault of the program: please report it)"


def process_peak() -> int | None:
    """Return the most memory that this process has used, in bytes; None where it is unknown (Windows)."""
    if sys.platform == "win32":
        return None
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
