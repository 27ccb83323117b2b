"""The loop: a failing job stops no other, an interrupt loses nothing, and full disks end it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from animatex_core.batch.engine import LocalEngine
from animatex_core.batch.manifest import Manifest
from animatex_core.batch.plan import make_plan
from animatex_core.batch.run import Stop, process_peak, record, stopping_on_interrupt
from animatex_core.errors import InvalidInput, StorageError
from tests.batch.file_job import FileJob


@dataclass(frozen=True)
class FileTask:
    """A task that does jobs by a function, and is its own worker."""

    write: Callable[[FileJob], None]

    def model_key(self, job: FileJob) -> str:
        return ""

    def shared_key(self, job: FileJob) -> str:
        return ""

    def prepare(self, job: FileJob) -> None:
        pass

    def open(self) -> "FileTask":
        return self

    def check_place(self) -> None:
        pass

    def do(self, job: FileJob, shared: Callable[[], None]) -> None:
        self.write(job)

    def peak(self) -> int | None:
        return process_peak()

    def close(self) -> None:
        pass


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    with closing(Manifest(tmp_path)) as opened:
        yield opened


def jobs_in(folder: Path, digest: str = "1") -> list[FileJob]:
    return [FileJob(folder, f"{letter}.txt", digest) for letter in "abcd"]


def work(
    jobs: list[FileJob], manifest: Manifest, do: Callable[[FileJob], None], stop: Stop | None = None
) -> dict[str, str | None]:
    """Do jobs by a function, and return their errors."""
    manifest.add({job.name: job.digest for job in jobs})
    events = LocalEngine().run(FileTask(do), jobs, stop or Stop(print))
    return {result.name: result.error for result in record(events, manifest)}


def write(job: FileJob) -> None:
    job.out.write_text(job.name)


def states(manifest: Manifest) -> str:
    return " ".join(entry.state for entry in manifest.entries().values())


def test_a_failing_job_stops_no_other(tmp_path: Path, manifest: Manifest) -> None:
    def fail_at_b(job: FileJob) -> None:
        if job.name == "b.txt":
            raise InvalidInput("The picture is blank.")
        if job.name == "c.txt":
            raise RuntimeError("a bug")
        write(job)

    errors = work(jobs_in(tmp_path), manifest, fail_at_b)
    assert errors["b.txt"] == "The picture is blank."
    assert errors["c.txt"] == "RuntimeError: a bug (a fault of the program: please report it)"
    assert states(manifest) == "done failed failed done"


def test_a_full_disk_stops_the_rest(tmp_path: Path, manifest: Manifest) -> None:
    def full_at_b(job: FileJob) -> None:
        if job.name == "b.txt":
            raise StorageError("The disk is full.")
        write(job)

    with pytest.raises(StorageError):
        work(jobs_in(tmp_path), manifest, full_at_b)
    assert states(manifest) == "done failed waiting waiting"


def test_one_interrupt_finishes_the_job_and_a_second_stops_it(tmp_path: Path, manifest: Manifest) -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGINT)  # ignored in a process that was started in the background

    def interrupted(job: FileJob) -> None:
        signal.raise_signal(signal.SIGINT)
        write(job)

    with stopping_on_interrupt(said.append) as stop:
        work(jobs_in(tmp_path), manifest, interrupted, stop)
        assert states(manifest) == "done waiting waiting waiting"
        assert len(said) == 1
        stop.wanted = False

        def twice(job: FileJob) -> None:
            interrupted(job)
            interrupted(job)

        with pytest.raises(KeyboardInterrupt):
            work(jobs_in(tmp_path)[1:], manifest, twice, stop)
    assert states(manifest) == "done waiting waiting waiting"
    assert signal.getsignal(signal.SIGINT) is before


def test_the_plan_knows_what_is_done_changed_lost_and_failed(tmp_path: Path, manifest: Manifest) -> None:
    jobs = jobs_in(tmp_path)
    work(jobs, manifest, write)
    assert make_plan(jobs, manifest.entries()).waiting == []
    (tmp_path / "a.txt").unlink()
    manifest.fail("b.txt", "It failed.", 1.0)
    changed = [jobs[0], jobs[1], FileJob(tmp_path, "c.txt", "2"), jobs[3], FileJob(tmp_path, "e.txt")]
    plan = make_plan(changed, manifest.entries())
    assert [job.name for job in plan.waiting] == ["a.txt", "b.txt", "c.txt", "e.txt"]
    assert (plan.done, plan.lost, plan.failed, plan.changed) == (1, 1, 1, 1)
    assert plan.bytes == 5
    assert "1 because inputs or settings changed" in plan.summary


def test_foreign_folders_and_files_are_refused(tmp_path: Path, manifest: Manifest) -> None:
    jobs = jobs_in(tmp_path)
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="did not write it"):
        make_plan(jobs, manifest.entries())
    work(jobs[1:], manifest, write)
    with pytest.raises(InvalidInput, match="belongs to another job list"):
        make_plan([FileJob(tmp_path, "z.txt")], manifest.entries())
    assert (tmp_path / "a.txt").read_text() == "mine"
