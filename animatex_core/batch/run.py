"""How jobs proceed: what the manifest notes of them, why they fail, and how Ctrl+C stops them."""

import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Protocol

from ..errors import AnimateXError, InvalidInput, StorageError
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


@dataclass(frozen=True)
class Started:
    """A job runs now.

    Attributes:
        name: Of the job.

    """

    name: str


@dataclass(frozen=True)
class Lost:
    """A job no longer runs, because what ran it is gone; it will be started again.

    Attributes:
        name: Of the job.

    """

    name: str


@dataclass(frozen=True)
class Ended(Result):
    """A job is done, or failed.

    Attributes:
        peak_bytes: The most memory in use; None if unknown.
        is_storage: Whether it failed because its result could not be written: the next ones could not either.
        is_lost: Whether it failed because what ran it was gone again and again.
        failure: What it failed with, if it ran in this process.

    """

    peak_bytes: int | None = None
    is_storage: bool = False
    is_lost: bool = False
    failure: Exception | None = None


Event = Started | Lost | Ended
"""What happens to a job."""


def record(events: Generator[Event, None, None], manifest: Manifest) -> Iterator[Result]:
    """Note in the manifest what happens to jobs. Those that are cut short by an exception wait again.

    Args:
        events: What happens, from an engine.
        manifest: Of the folder, which has the jobs already.

    Yields:
        How each job ended.

    Raises:
        StorageError: A result could not be written.

    """
    running: set[str] = set()
    try:
        with closing(events):
            for event in events:
                if isinstance(event, Started):
                    running.add(event.name)
                    manifest.start(event.name)
                    continue
                running.discard(event.name)
                if isinstance(event, Lost):
                    manifest.wait(event.name)
                else:
                    _record_end(event, manifest)
                    yield event
    finally:
        for name in running:
            manifest.wait(name)


def _record_end(event: Ended, manifest: Manifest) -> None:
    if event.error is None:
        manifest.finish(event.name, event.seconds, event.peak_bytes)
    else:
        manifest.fail(event.name, event.error, event.seconds)
    if event.is_storage:
        raise StorageError(event.error)


def require_done(ended: Ended) -> None:
    """Raise why a job failed, with the exception itself if that was raised in this process."""
    if ended.error is None:
        return
    if ended.failure is not None:
        raise ended.failure
    raise (StorageError if ended.is_storage else InvalidInput)(f"{ended.name}: {ended.error}")


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
