"""What a batch will do: which jobs are done already, which changed, and how long the rest may take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ..errors import InvalidInput
from ..utils.files import storage_errors
from .manifest import Entry, Manifest, sole_writer
from .results import LocalResults, Results
from .run import Job


class DigestedJob(Job, Protocol):
    """A job with the digest of its inputs and settings."""

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that change with anything that changes the result."""
        ...


JobT = TypeVar("JobT", bound=DigestedJob)


@dataclass(frozen=True)
class Plan(Generic[JobT]):
    """What is to be done.

    Attributes:
        waiting: The jobs to do, in the order of the job list.
        done: How many are done and stay as they are.
        changed: How many of the waiting ones were done, but with other inputs or settings.
        lost: How many of the waiting ones were done, but their result is gone.
        failed: How many of the waiting ones failed before.
        seconds: How long one took so far on average; None if none is done.
        bytes: How large a result is so far on average; None if none is done.
        new: The names of the waiting ones whose result does not exist yet.

    """

    waiting: Sequence[JobT]
    done: int
    changed: int
    lost: int
    failed: int
    seconds: float | None
    bytes: float | None
    new: frozenset[str]

    @property
    def summary(self) -> str:
        """The counts in words."""
        again = {
            "inputs or settings changed": self.changed,
            "result is gone": self.lost,
            "failed": self.failed,
        }
        why = ", ".join(f"{count} because {reason}" for reason, count in again.items() if count)
        return f"{len(self.waiting)} to do{f' (again {why})' if why else ''}, {self.done} done"

    @property
    def estimate(self) -> str:
        """Time and disk space in words, from what is done."""
        if self.seconds is None or self.bytes is None:
            return "time and disk space are known once one job is done: try --limit 1"
        seconds, size = (each * len(self.waiting) for each in (self.seconds, self.bytes))
        return f"about {_duration(seconds)} and {size / 1e6:.1f} MB, by the mean of those done"


LOCAL = LocalResults()


def make_plan(jobs: Sequence[JobT], known: Mapping[str, Entry], results: Results = LOCAL) -> Plan[JobT]:
    """Compare a job list with the manifest and the results that exist.

    Args:
        jobs: All jobs of the list.
        known: The entries of the manifest.
        results: Where the results are.

    Raises:
        InvalidInput: The folder belongs to another job list, or a result would replace a file that is not of
            this batch.
        StorageError: The results cannot be looked at.

    """
    _require_same_list(jobs, known)
    sizes, urls = results.sizes(jobs), {job.name: results.url(job.name) for job in jobs}
    places = {name: entry.places for name, entry in known.items()}
    own = {name for name, url in urls.items() if url in places.get(name, ())}
    _require_unwritten(urls[job.name] or job.out for job in jobs if job.name in sizes.keys() - own)
    away = [job for job in jobs if urls[job.name] is not None and job.name not in known]
    _require_unwritten(job.out for job in away if job.out.exists())  # results that cannot be put go there
    entries = [(job, known.get(job.name)) for job in jobs]
    before = [(job, entry) for job, entry in entries if entry is not None and entry.state == "done"]
    changed = {job.name for job, entry in before if entry.digest != job.digest or entry.url != urls[job.name]}
    lost = {job.name for job, _ in before} - changed - sizes.keys()
    kept = {job.name for job, _ in before} - changed - lost
    return Plan(
        [job for job in jobs if job.name not in kept],
        len(kept),
        len(changed),
        len(lost),
        sum(entry is not None and entry.state == "failed" for _, entry in entries),
        _mean(entry.seconds for _, entry in before if entry.seconds is not None),
        _mean(sizes[job.name] for job, _ in before if job.name in sizes),
        frozenset(urls.keys() - sizes.keys()),
    )


@contextmanager
def begun(
    folder: Path, jobs: Sequence[JobT], pages: Iterable[str] = (), results: Results = LOCAL
) -> Iterator[tuple[Manifest, Plan[JobT], Mapping[str, Entry]]]:
    """Begin or continue a batch: nobody else writes to its folder during the block, and its jobs wait.

    Args:
        folder: Of the batch; it is created if it is missing.
        jobs: All jobs of the list.
        pages: Names of further files that will be written to it.
        results: Where the results are.

    Yields:
        The manifest, what is to be done, and the entries of the manifest before.

    Raises:
        InvalidInput: As for `make_plan`, or another batch is writing there.
        StorageError: The folder, or the place of the results, cannot be written.

    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with sole_writer(folder), closing(Manifest(folder)) as manifest:
        known = manifest.entries()
        if not known:
            _require_unwritten(folder / name for name in pages if (folder / name).exists())
        plan = make_plan(jobs, known, results)
        if plan.waiting:
            results.check()
        urls = {job.name: results.url(job.name) for job in plan.waiting}
        manifest.add({job.name: job.digest for job in plan.waiting}, urls)
        yield manifest, plan, known


def _require_same_list(jobs: Sequence[JobT], known: Mapping[str, Entry]) -> None:
    if known and jobs and not any(job.name in known for job in jobs):
        raise InvalidInput(
            f"The folder belongs to another job list, with results such as {next(iter(known))}: choose "
            "another folder with --out."
        )


def _require_unwritten(existing: Iterable[Path | str]) -> None:
    """Raise InvalidInput if there are files or URLs that something else has written."""
    for each in existing:
        option = "folder with --out" if isinstance(each, Path) else "place with --results"
        raise InvalidInput(
            f"{str(each)!r} exists, but this batch did not write it: move it away, or choose another "
            f"{option}."
        )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
