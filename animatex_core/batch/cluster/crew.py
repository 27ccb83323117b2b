"""The workers of a batch on a cluster: as many as it has room for, and more as nodes join."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Generic

from ... import __version__
from ...errors import InvalidInput
from ..engine import JobT, Task
from ..run import Note
from .host import Host
from .schedule import Keys

MAX_STARTING = 8  # workers that start or wait for room at a time
MAX_FAILURES = 3  # of workers in a row that cannot start, after which the next one waits
RETRY = 30.0  # seconds that it waits
PATIENCE, PATIENCE_REFUSED = 600.0, 120.0  # seconds without any worker, and if all there is cannot be used
CLOSING = 10.0  # seconds that workers have to remove what would stay on their machines
SILENCE = 60.0  # seconds without a worker before the user is notified


@dataclass(frozen=True)
class WorkerSize:
    """What one worker needs.

    Attributes:
        gpus: How many GPUs, such as 0.5; None for one if the cluster has any, else none.
        cpus: How many CPUs; None for one without GPUs, else none.

    """

    gpus: float | None = None
    cpus: int | None = None

    def resolve(self, resources: Mapping[str, float]) -> dict[str, float]:
        """Return the options of an actor, for a cluster that has these resources in all."""
        gpus = float(resources.get("GPU", 0) > 0) if self.gpus is None else self.gpus
        cpus = float(not gpus) if self.cpus is None else self.cpus
        return {"num_gpus": gpus, "num_cpus": cpus}


@dataclass(eq=False)
class Member(Generic[JobT]):
    """A worker.

    Attributes:
        actor: Its handle.
        call: What it was last asked for; None if it is free.
        node: The name of its machine; empty while it starts.
        node_id: What Ray calls it.
        job: What it does; None if it does nothing.
        keys: Of the job that it does or did last.

    """

    actor: Any
    call: Any
    node: str = ""
    node_id: str = ""
    job: JobT | None = None
    keys: Keys | None = None


@dataclass(eq=False)
class Crew(Generic[JobT]):
    """The workers of a batch.

    A worker whose node cannot do the jobs stays there idle, so that Ray starts no other one in its place.

    Attributes:
        ray: The module.
        task: What the workers do.
        size: The options of an actor.
        note: Called with what happens to them.
        members: Those that can work.

    """

    ray: ModuleType
    task: Task[JobT]
    size: Mapping[str, float]
    note: Note
    members: list[Member[JobT]] = field(default_factory=list)
    _starting: list[Member[JobT]] = field(default_factory=list)
    _refused: list[Member[JobT]] = field(default_factory=list)
    _failures: list[str] = field(default_factory=list)
    _not_before: float = 0.0
    _last_seen: float = field(default_factory=time.monotonic)
    _is_told: bool = False

    @property
    def calls(self) -> dict[Any, Member[JobT]]:
        """What is under way, and by whom."""
        return {each.call: each for each in (*self._starting, *self.members) if each.call is not None}

    def grow(self, most: int) -> None:
        """Start workers, up to a number in all; those that the cluster has no room for wait for it."""
        if self.members:
            self._last_seen, self._is_told = time.monotonic(), False
        else:
            self._require_patience()
        missing = min(MAX_STARTING - len(self._starting), most - len(self.members) - len(self._starting))
        if time.monotonic() < self._not_before:
            return
        for _ in range(missing):
            options = {**self.size, "max_restarts": 0, "max_task_retries": 0}
            actor = self.ray.remote(Host).options(**options).remote(self.task, str(Path.cwd()), __version__)
            self._starting.append(Member(actor, actor.place.remote()))

    def admit(self, member: Member[JobT]) -> None:
        """Let a worker that has started work, unless its node cannot do the jobs."""
        self._starting.remove(member)
        try:
            place = self.ray.get(member.call)
        except self.ray.exceptions.RayError as error:
            self._note_failure(error)
            return
        member.call, member.node, member.node_id = None, place.node, place.node_id
        if place.refusal is None:
            self._failures.clear()
            self.members.append(member)
            return
        if place.node not in {each.node for each in self._refused}:
            self.note(f"{place.node} is left out. {place.refusal}")
        self._refused.append(member)

    def dismiss(self, member: Member[JobT]) -> None:
        """Let a worker go that is lost, or may be; it can write no results any more."""
        self.members.remove(member)
        self.ray.kill(member.actor)

    def end(self) -> None:
        """Let all workers go."""
        with suppress(ConnectionError):  # the cluster ends them itself then
            free = [member.actor.close.remote() for member in self.members if member.job is None]
            if free:
                self.ray.wait(free, num_returns=len(free), timeout=CLOSING)
            for member in (*self._starting, *self.members, *self._refused):
                self.ray.kill(member.actor)

    def is_starting(self, member: Member[JobT]) -> bool:
        """Return whether a worker has not started yet."""
        return member in self._starting

    def _note_failure(self, error: Exception) -> None:
        reason = str(error).strip().splitlines()[-1]
        # Otherwise its node is gone, and the next one starts elsewhere.
        if getattr(error, "actor_init_failed", False) and reason not in self._failures:
            self.note(f"A worker could not start ({reason}): install Animate-X on every node of the cluster.")
        self._failures.append(reason)
        if len(self._failures) >= MAX_FAILURES:
            self._not_before = time.monotonic() + RETRY

    def _require_patience(self) -> None:
        waited = time.monotonic() - self._last_seen
        is_useless = bool(self._refused) or len(self._failures) >= MAX_FAILURES
        if waited > (PATIENCE_REFUSED if is_useless else PATIENCE):
            raise InvalidInput(
                f"No node of the cluster can do the jobs: see that one has {self._needs} free, and start the "
                "batch again."
            )
        if waited > SILENCE and not self._is_told:
            self._is_told = True
            self.note(f"Waiting for a node with {self._needs} free; press Ctrl+C to stop.")

    @property
    def _needs(self) -> str:
        gpus, cpus = self.size["num_gpus"], self.size["num_cpus"]
        return " and ".join(f"{count:g} {name}" for count, name in ((gpus, "GPU"), (cpus, "CPU")) if count)
