"""Which job a worker of a cluster gets: models and dances change as rarely as possible."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatex_core.batch.cluster.crew import WorkerSize
from animatex_core.batch.cluster.schedule import Keys, Schedule


@dataclass(frozen=True)
class NamedJob:
    """A job whose name is its model, its dance and a number, such as "m-a-0"."""

    name: str
    out: Path = Path()


class NamedTask:
    """Reads the keys from the names."""

    def model_key(self, job: NamedJob) -> Hashable:
        return job.name.split("-")[0]

    def shared_key(self, job: NamedJob) -> Hashable:
        return job.name.split("-")[1]

    def prepare(self, job: NamedJob) -> Any:
        raise NotImplementedError

    def open(self) -> Any:
        raise NotImplementedError

    def check_place(self) -> None:
        raise NotImplementedError


def schedule(names: str) -> Schedule[NamedJob]:
    return Schedule(NamedTask(), [NamedJob(name) for name in names.split()])


def taken(waiting: Schedule[NamedJob], last: Keys | None, *others: Keys) -> str | None:
    job = waiting.take(last, others)
    return None if job is None else job.name


A, B, C = Keys("m", "a"), Keys("m", "b"), Keys("m", "c")


def test_workers_begin_with_different_dances_and_stay_with_them() -> None:
    waiting = schedule("m-a-0 m-a-1 m-b-0 m-b-1")
    assert taken(waiting, None) == "m-a-0"
    assert taken(waiting, None, A) == "m-b-0"
    assert taken(waiting, A, B) == "m-a-1"
    assert len(waiting) == 1


def test_a_free_worker_begins_a_new_dance_before_it_helps_with_another() -> None:
    waiting = schedule("m-a-0 m-b-0 m-b-1 m-b-2 m-c-0")
    assert taken(waiting, Keys("m", "z"), A, B) == "m-c-0"
    assert taken(waiting, C, A, B) == "m-b-0"  # most jobs for each of its workers
    assert taken(waiting, C, A, B, B) in ("m-a-0", "m-b-1")


def test_a_worker_keeps_its_model() -> None:
    waiting = schedule("n-a-0 n-a-1 m-b-0")
    assert taken(waiting, A, B) == "m-b-0"
    assert taken(waiting, A) == "n-a-0"


def test_lost_jobs_come_first_and_nothing_comes_after_a_stop() -> None:
    waiting = schedule("m-a-0 m-a-1 m-b-0")
    job = waiting.take(None, ())
    assert job is not None
    waiting.put_back(job)
    assert taken(waiting, A) == "m-a-0"
    assert [each.name for each in waiting.first_jobs()] == ["m-a-1", "m-b-0"]
    waiting.clear()
    assert taken(waiting, A) is None
    assert not waiting.shared_keys()


def test_workers_take_gpus_where_there_are_any() -> None:
    assert WorkerSize().resolve({"GPU": 8.0, "CPU": 64.0}) == {"num_gpus": 1.0, "num_cpus": 0.0}
    assert WorkerSize().resolve({"CPU": 64.0}) == {"num_gpus": 0.0, "num_cpus": 1.0}
    assert WorkerSize(0.5, 4).resolve({}) == {"num_gpus": 0.5, "num_cpus": 4}
    assert WorkerSize(0.0).resolve({"GPU": 1.0}) == {"num_gpus": 0.0, "num_cpus": 1.0}
