"""What it costs to detect people only in every n-th frame, on recorded dances."""

import numpy as np
import pytest

from animatex_core.pose.keypoints import PoseSequence, seen
from benchmarks.detect_every import cost, distances, drawn_dance, find_drawn, follow, recorded_dances


@pytest.mark.parametrize("stride", [1, 3], ids=["24 frames per second", "8 frames per second"])
@pytest.mark.parametrize("every", [2, 5])
def test_no_point_of_a_recorded_dance_leaves_its_region(every: int, stride: int) -> None:
    for dance in recorded_dances(stride):
        found = cost(dance, follow(dance, every), follow(dance, 1))
        assert found.missed == 0
        assert found.distances.max() < 0.002  # a bin of the pose model is about 0.1 % of the height
        assert found.overlaps.min() > (0.75 if stride == 1 else 0.65)


def test_a_point_outside_its_region_would_be_missed() -> None:
    (dance, *_) = recorded_dances(48)  # two seconds from frame to frame
    walking = dance.points.copy()
    walking[..., 0] += 0.4 * np.arange(len(dance))[:, None]
    walking = PoseSequence.from_points(walking, dance.width, dance.height, dance.fps)
    assert cost(walking, follow(walking, 1), follow(walking, 1)).missed == 0
    assert cost(walking, follow(walking, 5), follow(walking, 1)).missed > 0.1


@pytest.fixture(scope="module")
def drawn() -> tuple[PoseSequence, list[np.ndarray]]:
    return drawn_dance(seed=1, frames=30)


@pytest.mark.parametrize("every", [2, 5])
def test_the_networks_find_the_points_about_as_well(
    drawn: tuple[PoseSequence, list[np.ndarray]], every: int
) -> None:
    truth, frames = drawn
    at_1, found = find_drawn(frames, 1), find_drawn(frames, every)
    assert np.quantile(distances(found, truth), 0.95) < np.quantile(distances(at_1, truth), 0.95) + 0.005
    assert (seen(truth.points) & ~seen(found.points)).mean() < 0.02
