"""Engines do jobs, as of a batch: the one here does one after the other, that of `cluster` many at a time."""

import time
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..errors import Cancelled, InvalidInput, StorageError
from .kept import Kept
from .run import Ended, Event, Job, Started, Stop, sentence_of

JobT = TypeVar("JobT", bound=Job)
JobIn = TypeVar("JobIn", bound=Job, contravariant=True)


class Worker(Protocol[JobIn]):
    """Does jobs one after the other, and keeps what the next ones may need."""

    def do(self, job: JobIn, shared: Callable[[], Any]) -> None:
        """Write the result of a job under its name, complete or not at all.

        Args:
            job: What to do.
            shared: Returns what `Task.prepare` returned for this job, the same object for jobs that share it.

        """
        ...

    def peak(self) -> int | None:
        """Return the most bytes in use since the last call; None if unknown."""
        ...

    def close(self) -> None:
        """Remove what would stay on this machine; no job follows."""
        ...


class Task(Protocol[JobIn]):
    """What is done with jobs. It can be pickled if an engine has other machines do it."""

    def model_key(self, job: JobIn) -> Hashable:
        """Return what is equal for jobs that need the same model."""
        ...

    def shared_key(self, job: JobIn) -> Hashable:
        """Return what is equal for jobs that share what `prepare` returns; None if a job shares nothing."""
        ...

    def prepare(self, job: JobIn) -> Any:
        """Return what jobs share, such as the poses of a dance; small, and able to be pickled."""
        ...

    def open(self) -> Worker[JobIn]:
        """Return a worker. Models are loaded by the first job that needs them."""
        ...

    def check_place(self) -> None:
        """Raise InvalidInput if jobs cannot be done on this machine, for example without the folder."""
        ...


def require_visible(paths: Iterable[Path]) -> None:
    """Raise InvalidInput if this machine does not see one of the files and folders that jobs need."""
    for path in paths:
        if not path.exists():
            raise InvalidInput(
                f"It does not see {str(path)!r}: put results, inputs and models on storage that all nodes "
                "have at the same path."
            )


class Engine(Protocol):
    """Does jobs."""

    def run(self, task: Task[JobT], jobs: Sequence[JobT], stop: Stop) -> Generator[Event, None, None]:
        """Do all jobs.

        A job that fails stops no other, even by a fault of the program.

        Args:
            task: What is done with them.
            jobs: The jobs that are not done.
            stop: Looked at before every job. The second wish to stop raises KeyboardInterrupt.

        Yields:
            What happens to them.

        """
        ...


class LocalEngine:
    """Does one job after the other, in their order, in this process."""

    def run(self, task: Task[JobT], jobs: Sequence[JobT], stop: Stop) -> Generator[Event, None, None]:
        """Do all jobs; see `Engine.run`."""
        worker, kept = task.open(), Kept[Any](1)
        try:
            for job in jobs:
                if stop.wanted:
                    return
                yield Started(job.name)
                prepare = partial(task.prepare, job)
                yield do_job(worker, job, partial(kept.get, task.shared_key(job), prepare))
        finally:
            worker.close()


def do_job(worker: Worker[JobT], job: JobT, shared: Callable[[], Any]) -> Ended:
    """Do a job, and return how it ended; only KeyboardInterrupt and Cancelled pass."""
    begin, failure = time.monotonic(), None
    try:
        worker.do(job, shared)
    except (KeyboardInterrupt, Cancelled):
        raise
    except Exception as error:  # noqa: BLE001  # of any kind: the other jobs go on
        failure = error
    seconds = time.monotonic() - begin
    if failure is None:
        return Ended(job.name, None, seconds, worker.peak())
    is_storage = isinstance(failure, StorageError)
    return Ended(job.name, sentence_of(failure), seconds, is_storage=is_storage, failure=failure)
