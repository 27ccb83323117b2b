"""A fault of evaluations on a cluster: this test fails, and says what is expected."""

from pathlib import Path

import numpy as np

from animatex_core.evaluation.benchmark.case_work import SystemRun
from animatex_core.evaluation.benchmark.run import RunProgress
from animatex_core.evaluation.metrics.networks import MetricNetworks
from animatex_core.evaluation.metrics.pairs import PairValues, write_pair


def test_a_case_that_is_seen_late_is_not_left_out(tmp_path: Path) -> None:
    networks, run = MetricNetworks(None, {}), SystemRun("small", "self-driven", tmp_path)
    frames = np.zeros((2, 32, 32, 3), np.uint8)
    progress = RunProgress(run, ["a", "b"], networks)
    progress.end(0)  # of another machine, whose file a network file system does not show yet
    for number in range(2):
        write_pair(run.measured_file(number), PairValues.of(networks, frames, frames))
    progress.end(1)
    assert progress.measured.pairs == 2
