import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatex_core.errors import InvalidInput
from animatex_core.pose.filtering import smooth
from animatex_core.pose.keypoints import POINTS, PoseSequence, seen

FPS = 24.0


def clip(x: Any, score: Any = 1.0, size: tuple[int, int] = (100, 100)) -> PoseSequence:
    """A video whose point 0 moves along x; the others are not seen."""
    points = np.zeros((len(x), POINTS, 3), np.float32)
    points[:, 0, 0], points[:, 0, 1], points[:, 0, 2] = x, 0.5, score
    return PoseSequence.from_points(points, *size, fps=FPS)


def scalar_one_euro(values: list[float], rate: float, min_cutoff: float, beta: float) -> list[float]:
    """The paper's algorithm for one number at a time."""

    def alpha(cutoff: float) -> float:
        tau, period = 1 / (2 * math.pi * cutoff), 1 / rate
        return 1 / (1 + tau / period)

    results, speed = [values[0]], 0.0
    for value in values[1:]:
        change = (value - results[-1]) * rate
        speed = alpha(1.0) * change + (1 - alpha(1.0)) * speed
        share = alpha(min_cutoff + beta * abs(speed))
        results.append(share * value + (1 - share) * results[-1])
    return results


@given(st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=12), st.floats(0.1, 10), st.floats(0, 50))
def test_it_is_the_filter_of_the_paper(values: list[float], min_cutoff: float, beta: float) -> None:
    smoothed = smooth(clip(values), min_cutoff=min_cutoff, beta=beta, keep_time=False)
    expected = scalar_one_euro(values, FPS, min_cutoff, beta)
    np.testing.assert_allclose(smoothed.body[:, 0, 0], expected, atol=1e-6)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=12))
def test_time_may_run_backward(values: list[float]) -> None:
    forward, backward = smooth(clip(values)), smooth(clip(values[::-1]))
    np.testing.assert_allclose(forward.points, backward.points[::-1], atol=1e-6)


@pytest.mark.parametrize("keep_time", [True, False])
@pytest.mark.parametrize("place", [0.0, 0.3, -0.25, 1.1])
def test_what_rests_stays(place: float, keep_time: bool) -> None:
    poses = clip([place] * 9)
    np.testing.assert_allclose(smooth(poses, keep_time=keep_time).points, poses.points, atol=1e-7)


def test_a_swing_stays_in_step_with_the_music() -> None:
    beat = np.sin(np.arange(240) / FPS * 2 * np.pi * 2) * 0.1 + 0.5
    shifts = range(-6, 7)

    def delay(keep_time: bool) -> int:
        smoothed = smooth(clip(beat), min_cutoff=1, beta=0, keep_time=keep_time).body[:, 0, 0] - 0.5
        return shifts[int(np.argmax([np.dot(np.roll(beat - 0.5, shift), smoothed) for shift in shifts]))]

    assert delay(keep_time=True) == 0
    assert delay(keep_time=False) >= 2


def test_noise_at_rest_shrinks_and_a_leap_is_followed() -> None:
    noise = np.random.default_rng(0).normal(0, 0.002, 200)
    smoothed = smooth(clip(0.5 + noise)).body[:, 0, 0]
    assert smoothed.std() < 0.6 * noise.std()
    leap = smooth(clip([0.2] * 12 + [0.8] * 12)).body[:, 0, 0]
    assert leap[10] < 0.3
    assert leap[14] > 0.75


def test_missing_points_stay_and_restart_the_filter() -> None:
    x = [0.1, 0.1, 0.7, 0.9, 0.9, 0.9]
    poses = clip(x, score=[1, 1, 0.2, 0.5, 0.5, 0.5])
    smoothed = smooth(poses)
    np.testing.assert_allclose(smoothed.points, poses.points, atol=1e-7)
    np.testing.assert_array_equal(seen(smoothed.points), seen(poses.points))


def test_the_resolution_does_not_matter_but_the_shape_does() -> None:
    x = np.random.default_rng(1).uniform(0, 1, 20)
    small, large = smooth(clip(x, size=(50, 100))), smooth(clip(x, size=(500, 1000)))
    np.testing.assert_array_equal(small.points, large.points)
    assert np.abs(small.points - smooth(clip(x, size=(100, 100))).points).max() > 1e-3


def test_a_frame_rate_is_required() -> None:
    poses = clip([0.1, 0.4, 0.2])
    np.testing.assert_array_equal(smooth(poses.with_fps(None), fps=FPS).points, smooth(poses).points)
    with pytest.raises(InvalidInput, match="frame rate of the poses is unknown"):
        smooth(poses.with_fps(None))


@pytest.mark.parametrize(
    "bad", [{"fps": 0}, {"min_cutoff": 0}, {"min_cutoff": math.inf}, {"beta": -1}, {"beta": math.nan}]
)
def test_invalid_settings_are_rejected(bad: dict[str, Any]) -> None:
    (name,) = bad
    with pytest.raises(InvalidInput, match=f"^{name} is .* must be finite"):
        smooth(clip([0.5]), **bad)


def test_an_empty_video_stays_empty() -> None:
    assert len(smooth(clip([]))) == 0
