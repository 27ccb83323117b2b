from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from animatex_core.errors import InvalidInput
from animatex_core.pose.filtering import fill_gaps
from animatex_core.pose.keypoints import POINTS, PoseSequence, seen


def clip(x: list[float], scores: list[float]) -> PoseSequence:
    points = np.zeros((len(x), POINTS, 3), np.float32)
    points[:, 5, 0], points[:, 5, 2] = x, scores
    return PoseSequence.from_points(points, 100, 100, fps=24)


@pytest.mark.parametrize(
    ("limit", "x", "scores"),
    [
        (0, [0, 0.2, 9, 0.6, 9, 9, 9, 1.0, 9], [0, 0.9, 0.1, 0.5, 0, 0, 0, 0.8, 0]),
        (1, [0, 0.2, 0.4, 0.6, 9, 9, 9, 1.0, 9], [0, 0.9, 0.5, 0.5, 0, 0, 0, 0.8, 0]),
        (2, [0, 0.2, 0.4, 0.6, 9, 9, 9, 1.0, 9], [0, 0.9, 0.5, 0.5, 0, 0, 0, 0.8, 0]),
        (3, [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 9], [0, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.8, 0]),
        (99, [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 9], [0, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.8, 0]),
    ],
)
def test_gaps_up_to_the_limit_are_filled(limit: int, x: list[float], scores: list[float]) -> None:
    poses = clip([0, 0.2, 9, 0.6, 9, 9, 9, 1.0, 9], [0, 0.9, 0.1, 0.5, 0, 0, 0, 0.8, 0])
    filled = fill_gaps(poses, limit).body[:, 5]
    np.testing.assert_allclose(filled[:, 0], x, rtol=1e-6)
    np.testing.assert_allclose(filled[:, 2], scores, rtol=1e-6)


@given(hnp.arrays(np.float32, (7, POINTS, 3), elements=st.floats(0, 1, width=32)), st.integers(0, 9))
def test_seen_points_and_ends_are_never_touched(points: np.ndarray, limit: int) -> None:
    poses = PoseSequence.from_points(points, 100, 100)
    filled = fill_gaps(poses, limit).points
    found, now = seen(points), seen(filled)
    np.testing.assert_array_equal(filled[found], points[found])
    assert (now >= found).all()
    np.testing.assert_array_equal(now[[0, -1]], found[[0, -1]])


@pytest.mark.parametrize("limit", [-1, 1.5, None, True])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(InvalidInput, match=r"the limit of gaps is .* 0 or more"):
        fill_gaps(clip([0.5], [1]), limit)


def test_an_empty_video_stays_empty() -> None:
    assert len(fill_gaps(clip([], []), 3)) == 0
