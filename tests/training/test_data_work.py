"""Videos as the jobs of an engine: which are skipped, and which end the preparation."""

from collections.abc import Generator
from pathlib import Path

import pytest

from animatex_core.animate_x.animation import Report
from animatex_core.batch.engine import LocalEngine
from animatex_core.batch.run import Ended, Event, Stop
from animatex_core.errors import InvalidInput, StorageError
from animatex_core.training.data.manifest import PreparationManifest
from animatex_core.training.data.settings import PrepareSettings
from animatex_core.training.data.sources import Source
from animatex_core.training.data.work import Add, PreparationTask, prepare_sources


def fails(with_what: Exception) -> Add:
    def add(source: Source, report: Report) -> None:
        raise with_what

    return add


def task_of(folder: Path, add: Add) -> PreparationTask:
    manifest = PreparationManifest(folder, "{split}/{key}-{part}", folder, PrepareSettings())
    return PreparationTask(manifest, lambda: add)


def test_unusable_videos_are_skipped_and_other_faults_are_raised(tmp_path: Path) -> None:
    sources = [Source(tmp_path, name) for name in ("a.mp4", "b.mp4")]
    unusable = task_of(tmp_path, fails(InvalidInput("Nobody is seen.")))
    found = list(prepare_sources(unusable, sources, LocalEngine(), Stop(print)))
    assert found == [(source, "Nobody is seen.") for source in sources]
    for fault in (StorageError("The disk is full."), RuntimeError("A fault.")):
        with pytest.raises(type(fault), match=str(fault)) as raised:
            list(prepare_sources(task_of(tmp_path, fails(fault)), sources, LocalEngine(), Stop(print)))
        assert raised.value is fault


def test_a_video_that_ends_its_workers_is_skipped_until_the_next_start(tmp_path: Path) -> None:
    class Cluster(LocalEngine):
        def run(self, task, jobs, stop) -> Generator[Event, None, None]:  # type: ignore[no-untyped-def]
            for job in jobs:
                yield Ended(job.name, "Its worker was lost 3 times.", 0.0, is_lost=job.name == "a.mp4")

    sources = [Source(tmp_path, name) for name in ("a.mp4", "b.mp4")]
    task = task_of(tmp_path, fails(InvalidInput("")))
    ends = prepare_sources(task, sources, Cluster(), Stop(print))
    assert next(ends) == (sources[0], "Its worker was lost 3 times.")
    assert not task.manifest.is_done(sources[0])
    with pytest.raises(InvalidInput, match=r"b\.mp4: Its worker"):
        next(ends)
