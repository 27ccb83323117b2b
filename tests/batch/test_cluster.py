"""Batches on a real Ray cluster of three nodes on this machine: nodes die and join, and no job is lost."""

import os
import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from animatex_core.batch.cluster import crew
from animatex_core.batch.cluster.crew import WorkerSize
from animatex_core.batch.cluster.engine import RayEngine
from animatex_core.batch.manifest import Entry, Manifest
from animatex_core.batch.run import Ended, Event, Lost, Started, Stop, record, stopping_on_interrupt
from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput, StorageError
from tests.batch.gated import GatedJob, GatedTask, wait_until
from tests.batch.ray_cluster import NODE, alongside, ray_cluster
from tests.cli.test_batch import FAST, row, write_list
from tests.support.dance_samples import write_dance

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Ray's clusters of several nodes need Linux or macOS"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of three nodes, to which this process is connected."""
    with ray_cluster(3) as started:
        yield started


@dataclass
class Batch:
    """A batch of gated jobs, and what happened to them."""

    task: GatedTask
    jobs: list[GatedJob]
    engine: RayEngine
    said: list[str]
    events: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, cluster: Any, folder: Path, *names: str) -> "Batch":
        said: list[str] = []
        engine = RayEngine(WorkerSize(), cluster.address, said.append, lambda count: None)
        return cls(GatedTask(folder), [GatedJob(folder, name) for name in names], engine, said)

    def run(self, stop: Stop | None = None) -> dict[str, Entry]:
        """Do all jobs, and return the entries of the manifest."""
        with closing(Manifest(self.task.folder)) as manifest:
            manifest.add({job.name: job.digest for job in self.jobs})
            try:
                for _ in record(self._kept(stop or Stop(self.said.append)), manifest):
                    pass
            finally:
                entries = manifest.entries()
        return entries

    def _kept(self, stop: Stop) -> Generator[Event, None, None]:
        for event in self.engine.run(self.task, self.jobs, stop):
            self.events.append(event)
            yield event

    def count(self, kind: type[Event]) -> Counter[str]:
        return Counter(event.name for event in self.events if isinstance(event, kind))


def states_in(folder: Path) -> dict[str, str]:
    with closing(Manifest(folder, read_only=True)) as manifest:
        return {name: entry.state for name, entry in manifest.entries().items()}


def test_a_node_is_killed_and_one_added(cluster: Any, tmp_path: Path) -> None:
    batch = Batch.of(cluster, tmp_path, *(f"job-{number}-{number % 2}" for number in range(8)))
    task, dead, new = batch.task, "", ""

    def sabotage() -> None:
        nonlocal dead, new
        wait_until(lambda: len(task.started()) == 3)  # one on each node
        victim = next(each for each in cluster.list_all_nodes() if each is not cluster.head_node)
        dead = victim.node_id
        cluster.remove_node(victim, allow_graceful=False)  # SIGKILL for its processes
        new = cluster.add_node(**NODE).node_id
        wait_until(lambda: [new] in [nodes[-1:] for nodes in task.started().values()])

    def then_go_on() -> None:
        try:
            sabotage()
        finally:
            task.gate.touch()

    entries = alongside(batch.run, then_go_on)  # nodes can only be added in the main thread
    names = [job.name for job in batch.jobs]
    assert {name: entry.state for name, entry in entries.items()} == dict.fromkeys(names, "done")
    assert batch.count(Ended) == Counter(names)
    lost = batch.count(Lost)
    assert sum(lost.values()) == 1  # what ran on the dead node, and nothing else, was started again
    assert batch.count(Started) == Counter(names) + lost
    started = task.started()
    assert {name: len(nodes) for name, nodes in started.items()} == batch.count(Started)
    assert dead in started[next(iter(lost))]
    written = {job.name: job.out.read_text() for job in batch.jobs}
    assert written == {name: started[name][-1] for name in names}
    assert new in written.values()
    assert {path.name.removeprefix("closed-") for path in tmp_path.glob("closed-*")} == set(written.values())
    assert dead not in written.values()


def test_a_job_that_ends_its_workers_fails_and_others_do_not(cluster: Any, tmp_path: Path) -> None:
    names = "crash-0", "blank-1", "unprepared-2", "unprepared-crash-3", "job-4"
    batch = Batch.of(cluster, tmp_path, *names)
    batch.task.gate.touch()
    entries = batch.run()
    errors = {name: entry.error for name, entry in entries.items()}
    assert errors["blank-1"] == "The picture is blank."
    assert errors["unprepared-2"] == "The dance is empty."
    for name in ("crash-0", "unprepared-crash-3"):
        assert "Its worker was lost 3 times" in (errors[name] or "")
        assert batch.count(Started)[name] == 3
    assert entries["job-4"].state == "done"
    assert batch.said.count("blank-1: The picture is odd.") == 1


def test_a_full_disk_ends_the_batch(cluster: Any, tmp_path: Path) -> None:
    batch = Batch.of(cluster, tmp_path, "full-0", "job-1-0", "job-2-0", "job-3-0")
    with pytest.raises(StorageError, match="The disk is full"):
        batch.run()
    assert list(states_in(tmp_path).values()) == ["failed", "waiting", "waiting", "waiting"]


def test_one_interrupt_finishes_what_runs_and_a_second_stops_it(cluster: Any, tmp_path: Path) -> None:
    batch = Batch.of(cluster, tmp_path, *(f"job-{number}-0" for number in range(6)))

    def interrupt_once() -> None:
        wait_until(lambda: len(batch.task.started()) == 3)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: batch.said)
        batch.task.gate.touch()

    with stopping_on_interrupt(batch.said.append) as stop:
        alongside(interrupt_once, lambda: batch.run(stop))
        entries = states_in(tmp_path)
        assert Counter(entries.values()) == {"done": 3, "waiting": 3}

    batch.task.gate.unlink()
    left = Batch.of(cluster, tmp_path, *(name for name, state in entries.items() if state == "waiting"))

    def interrupt_twice() -> None:
        wait_until(lambda: all(name in left.task.started() for name in (job.name for job in left.jobs)))
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: left.said)
        os.kill(os.getpid(), signal.SIGINT)

    with stopping_on_interrupt(left.said.append) as stop, pytest.raises(KeyboardInterrupt):
        alongside(interrupt_twice, lambda: left.run(stop))
    assert Counter(states_in(tmp_path).values()) == {"done": 3, "waiting": 3}
    left.task.gate.touch()
    assert {entry.state for entry in left.run().values()} == {"done"}


def test_nodes_that_cannot_do_the_jobs_are_left_out(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [each.node_id for each in cluster.list_all_nodes()]
    for each in nodes[:2]:
        (tmp_path / f"refused-{each}").touch()
    batch = Batch.of(cluster, tmp_path, *(f"job-{number}-0" for number in range(4)))
    batch.task.gate.touch()
    assert {entry.state for entry in batch.run().values()} == {"done"}
    assert {job.out.read_text() for job in batch.jobs} == {nodes[2]}
    assert any("is left out. It is refused." in text for text in batch.said)

    (tmp_path / f"refused-{nodes[2]}").touch()
    monkeypatch.setattr(crew, "PATIENCE_REFUSED", 0.0)
    with pytest.raises(
        InvalidInput, match="No node of the cluster can do the jobs: see that one has 1 CPU free"
    ):
        batch.run()


def test_animations_are_those_of_one_machine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))  # the nodes do not know it
    monkeypatch.chdir(tmp_path)
    write_dance(tmp_path)
    jobs = write_list(tmp_path, [row(), row(seed=3)])
    assert main(["batch", str(jobs), "--out", "out", *FAST]) == 0
    on_cluster = ["--engine", "ray", "--address", cluster.address, "--cpus-per-actor", "1"]
    shared = tmp_path / "shared"
    on_cluster += ["--results", shared.as_uri()]
    urls = {name: (tmp_path / value).as_uri() for name, value in row().items() if name != "box"}
    jobs = write_list(tmp_path, [row(**urls), row(**urls, seed=3)])
    assert main(["batch", str(jobs), "--out", "cluster", *FAST, *on_cluster]) == 0
    results = {path.name: path.read_bytes() for path in Path("out").glob("*.mp4")}
    assert len(results) == 2
    assert {path.name: path.read_bytes() for path in shared.iterdir()} == results
    assert not list(Path("cluster").glob("*.mp4"))
    with closing(Manifest(Path("out"))) as here, closing(Manifest(Path("cluster"))) as there:
        assert {name: each.digest for name, each in there.entries().items()} == {
            name: each.digest for name, each in here.entries().items()
        }
        assert all((each.seconds or 0) > 0 < (each.peak_bytes or 0) for each in there.entries().values())
    page = Path("cluster", "index.html").read_text(encoding="utf-8")
    assert all(f"<code>{shared.as_uri()}/{name}</code>" in page for name in results)


def test_two_workers_share_a_gpu(cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=0, num_gpus=1, object_store_memory=80 << 20)  # Ray only counts it
    batch = Batch.of(cluster, tmp_path, *(f"job-{number}-0" for number in range(3)))
    sharing = replace(batch, engine=replace(batch.engine, size=WorkerSize(gpus=0.5)))

    def open_gate() -> None:
        wait_until(lambda: len(sharing.task.started()) == 2)
        assert {tuple(nodes) for nodes in sharing.task.started().values()} == {(node.node_id,)}
        assert sharing.task.gpus() == {"0"}
        sharing.task.gate.touch()

    try:
        assert {entry.state for entry in alongside(sharing.run, open_gate).values()} == {"done"}
        assert {job.out.read_text() for job in batch.jobs} == {node.node_id}
    finally:
        cluster.remove_node(node)
