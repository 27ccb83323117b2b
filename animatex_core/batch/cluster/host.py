"""What runs on the nodes of a cluster: an actor that does jobs, and a task that prepares a dance."""

import os
import pickle
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any, Generic

from ... import __version__
from ...errors import AnimateXWarning, InvalidInput, StorageError
from ...utils.allocator import keep_freed_memory
from ..engine import JobT, Task, Worker, do_job
from ..kept import Kept
from ..run import Ended, sentence_of


@dataclass(frozen=True)
class Place:
    """Where an actor runs.

    Attributes:
        node: The name of the machine.
        node_id: What Ray calls it.
        refusal: Why jobs cannot be done there; None if they can.

    """

    node: str
    node_id: str
    refusal: str | None


@dataclass(frozen=True)
class Prepared:
    """What jobs share, or why it could not be prepared.

    Attributes:
        data: What `Task.prepare` returned, pickled: Ray's own arrays could not be written to.
        error: The sentence; None if it could be prepared.
        is_storage: Whether something could not be written.
        notes: Warnings.

    """

    data: bytes = b""
    error: str | None = None
    is_storage: bool = False
    notes: tuple[str, ...] = ()

    def open(self) -> Any:
        """Return what was prepared; raises why it could not be."""
        if self.error is not None:
            raise (StorageError if self.is_storage else InvalidInput)(self.error)
        return pickle.loads(self.data)  # noqa: S301  # from `prepare`, in the same cluster


@dataclass(frozen=True)
class Report:
    """How a job ended on a node.

    Attributes:
        ended: How it ended.
        notes: Warnings.

    """

    ended: Ended
    notes: tuple[str, ...]


def prepare(task: Task[JobT], job: JobT, folder: str) -> Prepared:
    """Prepare what a job shares with others; nothing is raised.

    Args:
        task: Prepares it.
        job: One of the jobs.
        folder: What relative paths are relative to.

    """
    enter(folder)
    with noted() as notes:
        try:
            found = Prepared(pickle.dumps(task.prepare(job)))
        except Exception as error:  # noqa: BLE001  # of any kind: they end the job and not the worker
            found = Prepared(error=sentence_of(error), is_storage=isinstance(error, StorageError))
    return replace(found, notes=tuple(notes))


class Host(Generic[JobT]):
    """Does jobs on a node, one after the other. Ray makes an actor of it.

    Args:
        task: What is done with jobs.
        folder: What relative paths are relative to.
        version: Of this library, where the batch was started.

    """

    def __init__(self, task: Task[JobT], folder: str, version: str) -> None:
        enter(folder)
        keep_freed_memory()  # Ray gives an actor a process of its own
        self._task, self._version = task, version
        self._worker: Worker[JobT] | None = None
        self._prepared = Prepared()
        self._kept: Kept[Any] = Kept(1)

    def place(self) -> Place:
        """Return where this is, and whether jobs can be done here."""
        context = import_module("ray").get_runtime_context()
        return Place(platform.node(), context.get_node_id(), self._refusal())

    def _refusal(self) -> str | None:
        if self._version != __version__:
            return f"It has Animate-X {__version__} instead of {self._version}: install that version on it."
        try:
            self._task.check_place()
            self._worker = self._task.open()
        except Exception as error:  # noqa: BLE001  # of any kind: other nodes may do the jobs
            return sentence_of(error)
        return None

    def do(self, job: JobT, prepared: Prepared | None) -> Report:
        """Do a job.

        Args:
            job: What to do.
            prepared: What it shares with others; None if it is that of the last job, or nothing.

        """
        assert self._worker is not None
        self._prepared = prepared or self._prepared
        shared = partial(self._kept.get, self._task.shared_key(job), self._prepared.open)
        with noted() as notes:
            ended = do_job(self._worker, job, shared)
        ended = replace(ended, failure=None)  # an exception may hold what cannot be sent
        return Report(ended, (*(prepared.notes if prepared else ()), *notes))

    def close(self) -> None:
        """Remove what would stay on this machine; no job follows."""
        if self._worker is not None:
            self._worker.close()


def enter(folder: str) -> None:
    """Let relative paths mean what they mean where the batch was started, if there is such a folder here."""
    with suppress(OSError):
        os.chdir(folder)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the warnings of this library during the block; Ray would hide them in its logs."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", AnimateXWarning)
        yield notes
    notes += [str(each.message) for each in found if issubclass(each.category, AnimateXWarning)]
