"""How videos are prepared one by one, here or on other machines."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ...animate_x.animation import Report
from ...batch.engine import Engine, require_visible
from ...batch.run import Ended, Event, Stop, process_peak, require_done, require_not_stopped
from ...errors import InvalidInput
from .manifest import PreparationManifest
from .sources import Source

Add = Callable[[Source, Report], None]
"""Prepares one video; raises InvalidInput if it cannot be used."""

Watch = Callable[[str, str, int, int], None]
"""Called with the name of a video, a stage, what is done of that and what there is."""


def no_watch(name: str, stage: str, done: int, total: int) -> None:
    """Ignore how far a video is."""


@dataclass(frozen=True)
class SourceJob:
    """A video to prepare.

    Attributes:
        source: The file.
        out: Its record.

    """

    source: Source
    out: Path

    @property
    def name(self) -> str:
        """The name of the video."""
        return self.source.name


@dataclass(frozen=True)
class PreparationTask:
    """Prepares videos.

    Attributes:
        manifest: The records of videos that are prepared or skipped.
        begin: Loads the encoders, and returns what prepares a video.
        needed: Files and folders that a machine has to see.
        watch: Called as videos proceed; not on other machines.

    """

    manifest: PreparationManifest
    begin: Callable[[], Add]
    needed: tuple[Path, ...] = ()
    watch: Watch = no_watch

    def model_key(self, job: SourceJob) -> str:
        """Return the same for all videos."""
        return ""

    def shared_key(self, job: SourceJob) -> None:
        """Return None: videos share nothing."""

    def prepare(self, job: SourceJob) -> None:
        """Prepare nothing in advance."""

    def open(self) -> "PreparationWorker":
        """Return a worker without encoders."""
        return PreparationWorker(self)

    def check_place(self) -> None:
        """Raise InvalidInput if this machine does not see the videos, the data sets or the models."""
        require_visible(self.needed)


class PreparationWorker:
    """Prepares one video after the other. The encoders stay loaded for the next ones.

    Args:
        task: What is done with them.

    """

    def __init__(self, task: PreparationTask) -> None:
        self._task = task

    def do(self, job: SourceJob, shared: Callable[[], Any]) -> None:
        """Prepare a video, or record why it is skipped."""
        add = self._add
        try:
            add(job.source, partial(self._task.watch, job.name))
        except InvalidInput as error:
            self._task.manifest.skip(job.source, str(error))

    def peak(self) -> int | None:
        """Return the most bytes that this process has used."""
        return process_peak()

    def close(self) -> None:
        """Do nothing: results are what stays."""

    @cached_property
    def _add(self) -> Add:
        return self._task.begin()


def prepare_sources(
    task: PreparationTask, waiting: Sequence[Source], engine: Engine, stop: Stop
) -> Iterator[tuple[Source, str | None]]:
    """Prepare videos.

    Args:
        task: What is done with them.
        waiting: The videos.
        engine: Does it.
        stop: Looked at before every video.

    Yields:
        Each video that is finished, and why it was skipped, or None.

    Raises:
        AnimateXError: An encoder fails, or a file cannot be written.
        KeyboardInterrupt: A stop was wanted, and what ran is finished.

    """
    jobs = [SourceJob(source, task.manifest.record_file(source)) for source in waiting]
    by_name = {source.name: source for source in waiting}
    with closing(engine.run(task, jobs, stop)) as events:
        for ended in _ended(events):
            source = by_name[ended.name]
            if ended.is_lost:
                task.manifest.skip(source, str(ended.error))
            else:
                require_done(ended)
            yield source, task.manifest.reason(source)
    require_not_stopped(stop)


def _ended(events: Generator[Event, None, None]) -> Iterator[Ended]:
    return (event for event in events if isinstance(event, Ended))
