"""The engine that does jobs on a Ray cluster; what happens to a node costs no result."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic

from ...errors import InvalidInput
from ..engine import JobT, Task
from ..run import Ended, Event, Lost, Note, Started, Stop
from .connection import connected
from .crew import Crew, Member, WorkerSize
from .host import prepare
from .schedule import Schedule

MAX_LOST = 3  # times that a worker may be lost with a job before this has failed: it may be what ends them
POLL = 1.0  # seconds between looks at new nodes and at Ctrl+C


@dataclass(frozen=True)
class RayEngine:
    """Does jobs on all nodes of a Ray cluster that have room, also on those that join later.

    Attributes:
        size: What one worker needs.
        address: Of the cluster, as for `connected`.
        note: Called with what happens to nodes, and with warnings.
        count: Called with the number of workers as it changes.

    """

    size: WorkerSize
    address: str | None
    note: Note
    count: Callable[[int], None]

    def run(self, task: Task[JobT], jobs: Sequence[JobT], stop: Stop) -> Generator[Event, None, None]:
        """Do all jobs; see `Engine.run`."""
        if not jobs:
            return
        with connected(self.address) as ray:
            crew = Crew(ray, task, self.size.resolve(ray.cluster_resources()), self.note)
            try:
                yield from _Run(ray, task, crew, self, Schedule(task, jobs)).events(stop)
            except ConnectionError as error:
                raise InvalidInput(
                    f"The connection to the Ray cluster was lost ({error}): start the batch again."
                ) from error
            finally:
                crew.end()


class _Run(Generic[JobT]):
    def __init__(
        self, ray: ModuleType, task: Task[JobT], crew: Crew[JobT], engine: RayEngine, schedule: Schedule[JobT]
    ) -> None:
        self._ray, self._crew, self._engine, self._schedule = ray, crew, engine, schedule
        self._prepared = _Preparations(ray, task)
        self._lost: Counter[str] = Counter()
        self._notes: set[str] = set()
        self._count = -1

    def events(self, stop: Stop) -> Iterator[Event]:
        """Yield what happens to jobs until none waits or runs."""
        while self._schedule or self._busy:
            if stop.wanted:
                self._schedule.clear()
            self._crew.grow(len(self._schedule) + len(self._busy))
            self._prepare_ahead()
            yield from self._assign()
            yield from self._await_change()

    @property
    def _busy(self) -> list[Member[JobT]]:
        return [member for member in self._crew.members if member.job is not None]

    def _prepare_ahead(self) -> None:
        """Prepare one dance for every worker before it is needed; let go those that no longer are."""
        needed = self._schedule.shared_keys() | {each.keys.shared for each in self._busy if each.keys}
        self._prepared.keep(needed)
        for job, member in zip(self._schedule.first_jobs(), self._crew.members, strict=False):
            self._prepared.of(job, member)

    def _assign(self) -> Iterator[Event]:
        for member in self._crew.members:
            if member.job is not None:
                continue
            others = [each.keys for each in self._busy if each.keys is not None]
            job = self._schedule.take(member.keys, others)
            if job is None:
                return
            yield Started(job.name)
            self._start(member, job)

    def _start(self, member: Member[JobT], job: JobT) -> None:
        before, member.keys = member.keys, self._schedule.keys(job)
        has_it = before is not None and before.shared == member.keys.shared
        member.job = job
        member.call = member.actor.do.remote(job, None if has_it else self._prepared.of(job, member))

    def _await_change(self) -> Iterator[Event]:
        calls = self._crew.calls
        if not calls:
            time.sleep(POLL)
            return
        done, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
        done = done or self._ray.wait(list(calls), timeout=POLL)[0]
        for member in (calls[call] for call in done):
            if self._crew.is_starting(member):
                self._crew.admit(member)
            else:
                yield self._end(member)
        if self._count != len(self._crew.members):
            self._count = len(self._crew.members)
            self._engine.count(self._count)

    def _end(self, member: Member[JobT]) -> Event:
        """Return how a job ended, and let its worker be free, unless that is gone."""
        job, call = member.job, member.call
        assert job is not None
        member.job = member.call = None
        try:
            report = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            return self._lose(member, job, error)
        for text in report.notes:
            if text not in self._notes:
                self._notes.add(text)
                self._engine.note(f"{job.name}: {text}")
        return report.ended

    def _lose(self, member: Member[JobT], job: JobT, error: Exception) -> Event:
        """Let a job wait again whose worker is lost, or what it shares; or fail, if that happens often."""
        member.keys = None
        self._prepared.forget(job, member)
        if isinstance(error, self._ray.exceptions.RayActorError):
            self._crew.dismiss(member)
        self._lost[job.name] += 1
        if self._lost[job.name] >= MAX_LOST:
            reason = f"Its worker was lost {MAX_LOST} times, the last time on {member.node}"
            sentence = f"{reason}: see that the nodes have enough memory for it."
            return Ended(job.name, sentence, 0.0, is_lost=True)
        self._engine.note(f"{job.name} was lost on {member.node}, and is queued again.")
        self._schedule.put_back(job)
        return Lost(job.name)


class _Preparations(Generic[JobT]):
    """What jobs share, prepared by tasks beside the workers, each once for all of them."""

    def __init__(self, ray: ModuleType, task: Task[JobT]) -> None:
        self._remote, self._task = ray.remote(prepare), task
        self._on_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        self._found: dict[Hashable, tuple[Any, str]] = {}  # references, and the nodes that they are on

    def of(self, job: JobT, member: Member[JobT]) -> Any:
        """Return the reference to what a job shares; if it is not prepared, it is on the node of a worker.

        It is None for a job that shares nothing.
        """
        key = self._task.shared_key(job)
        if key is None:
            return None
        if key not in self._found:
            # It requests no CPU, since workers may hold all of them. A refused node could not prepare it.
            place = self._on_node(member.node_id, soft=False)
            remote = self._remote.options(num_cpus=0, max_retries=0, scheduling_strategy=place)
            self._found[key] = remote.remote(self._task, job, str(Path.cwd())), member.node_id
        return self._found[key][0]

    def forget(self, job: JobT, member: Member[JobT]) -> None:
        """Prepare again, when it is needed, what a job shares, and everything on the node of a worker."""
        self._found.pop(self._task.shared_key(job), None)
        self._found = {key: each for key, each in self._found.items() if each[1] != member.node_id}

    def keep(self, keys: set[Hashable]) -> None:
        """Let everything else go."""
        self._found = {key: found for key, found in self._found.items() if key in keys}
