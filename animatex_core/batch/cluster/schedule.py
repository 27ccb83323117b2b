"""Which job a free worker does next, so that models are loaded and dances prepared as rarely as possible."""

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from ..engine import JobT, Task


@dataclass(frozen=True)
class Keys:
    """What a worker has at hand after a job.

    Attributes:
        model: Equal for jobs with the same model.
        shared: Equal for jobs with the same dance.

    """

    model: Hashable
    shared: Hashable


class Schedule(Generic[JobT]):
    """The jobs that wait, in groups with the same model and dance.

    Args:
        task: Knows the keys of jobs.
        jobs: The jobs, in the order in which they are to be done.

    """

    def __init__(self, task: Task[JobT], jobs: Sequence[JobT]) -> None:
        self._task = task
        self._groups: dict[Keys, deque[JobT]] = {}
        for job in jobs:
            self._groups.setdefault(self.keys(job), deque()).append(job)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def keys(self, job: JobT) -> Keys:
        """Return the keys of a job."""
        return Keys(self._task.model_key(job), self._task.shared_key(job))

    def take(self, last: Keys | None, others: Collection[Keys]) -> JobT | None:
        """Return the next job of a worker, which no longer waits; None if none does.

        Workers stay with their dance while it has jobs. Then they begin one that no other worker is at. If
        there is none, they help with the dance that has most jobs left for each of its workers.

        Args:
            last: The keys of what the worker did last.
            others: The keys of what the other workers do.

        """
        if not self._groups:
            return None
        keys = min(self._groups, key=lambda each: self._rank(each, last, list(others).count(each)))
        job = self._groups[keys].popleft()
        if not self._groups[keys]:
            del self._groups[keys]
        return job

    def put_back(self, job: JobT) -> None:
        """Let a job wait again, as the first of its dance."""
        self._groups.setdefault(self.keys(job), deque()).appendleft(job)

    def clear(self) -> None:
        """Let no job wait."""
        self._groups.clear()

    def first_jobs(self) -> Iterator[JobT]:
        """Yield the first waiting job of every dance, in their order."""
        seen = set()
        for keys, jobs in self._groups.items():
            if keys.shared not in seen:
                seen.add(keys.shared)
                yield jobs[0]

    def shared_keys(self) -> set[Hashable]:
        """Return the keys of the dances that waiting jobs need."""
        return {keys.shared for keys in self._groups}

    def _rank(self, keys: Keys, last: Keys | None, workers: int) -> tuple[Any, ...]:
        is_other_model = last is not None and keys.model != last.model
        left = len(self._groups[keys]) / (workers + 1) if workers else 0.0
        return keys != last, is_other_model, workers > 0, -left
