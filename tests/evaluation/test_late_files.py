"""Files of other machines, which a network file system shows late or never."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import StorageError
from animatex_core.evaluation.benchmark.case_work import SystemRun
from animatex_core.evaluation.benchmark.progress import RunProgress
from animatex_core.evaluation.metrics.networks import MetricNetworks
from animatex_core.evaluation.metrics.pairs import PairValues, write_pair

NETWORKS = MetricNetworks(None, {})
FRAMES = np.zeros((2, 32, 32, 3), np.uint8)


@pytest.fixture
def run(tmp_path: Path) -> SystemRun:
    return SystemRun("small", "self-driven", tmp_path)


def write(run: SystemRun, number: int) -> None:
    write_pair(run.measured_file(number), PairValues.of(NETWORKS, FRAMES, FRAMES))


def test_a_case_that_is_seen_late_is_not_left_out(run: SystemRun) -> None:
    progress = RunProgress(run, ["a", "b", "c"], NETWORKS)
    progress.end(0)
    write(run, 0)
    write(run, 1)
    progress.end(1)
    progress.end(2)
    assert (progress.done, progress.measured.pairs) == (2, 2)
    write(run, 2)
    progress.settle()
    assert (progress.done, progress.measured.pairs) == (3, 3)


def test_a_case_that_is_never_seen_is_told_of_and_animated_again(run: SystemRun) -> None:
    progress = RunProgress(run, ["a", "b"], NETWORKS)
    write(run, 1)
    progress.end(0)
    progress.end(1)
    with pytest.raises(StorageError, match="The measurements of a cannot be seen"):
        progress.settle(0)
    again = RunProgress(run, ["a", "b"], NETWORKS)
    assert [job.case for job in again.jobs()] == ["a"]
