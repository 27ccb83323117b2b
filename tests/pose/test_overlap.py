"""Decoding, detection and estimation work at the same time, each on a later frame than the next.

Each stage waits, in the middle of its work, until both others are in the middle of theirs. If one of them
started only after another had finished, they would wait until the time runs out, and the test would fail.
"""

from collections.abc import Callable, Iterator
from threading import Barrier, BrokenBarrierError

import numpy as np
import pytest

from animatex_core.pose.extractor import PoseExtractor
from benchmarks.overlap import DETECTOR_OUTPUT, LANDMARKS_OUTPUTS, WaitingModel

FRAMES = 8
SECONDS = 20.0  # until a stage that waits in vain gives up


class Meeting:
    """Where all stages meet: the decoder with frame k + 2, the detector with k + 1, the estimator with k."""

    def __init__(self, stages: int = 3) -> None:
        self._barrier, self.rounds = Barrier(stages, action=self._count), 0

    def _count(self) -> None:
        self.rounds += 1

    def stage(self, ahead: int) -> Callable[[], None]:
        """Return what a stage does with each frame: it meets the others, unless they have none to work on."""
        frames = iter(range(FRAMES))

        def work() -> None:
            if 0 <= next(frames) - ahead < FRAMES - 2:
                self._barrier.wait(SECONDS)

        return work


def decoded(work: Callable[[], None]) -> Iterator[np.ndarray]:
    for _ in range(FRAMES):
        work()
        yield np.zeros((96, 64, 3), np.uint8)


@pytest.mark.parametrize("method", ["extract", "extract_people"])
def test_three_stages_work_at_the_same_time(method: str) -> None:
    meeting = Meeting()
    detector = WaitingModel(meeting.stage(1), [DETECTOR_OUTPUT])
    landmarks = WaitingModel(meeting.stage(0), LANDMARKS_OUTPUTS)
    getattr(PoseExtractor(detector, landmarks), method)(decoded(meeting.stage(2)))
    assert meeting.rounds == FRAMES - 2


def test_one_after_the_other_they_would_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_turn(items: Iterator, count: int) -> Iterator:
        yield from items

    monkeypatch.setattr("animatex_core.pose.extractor.prefetch", in_turn)
    monkeypatch.setattr(f"{__name__}.SECONDS", 0.1)
    with pytest.raises(BrokenBarrierError):
        test_three_stages_work_at_the_same_time("extract")
