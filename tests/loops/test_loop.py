import warnings

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, Cancelled, InvalidInput
from animatex_core.loops.beats import Beats
from animatex_core.loops.loop import Loop, LoopSettings, find_loop
from animatex_core.loops.seams import Track
from animatex_core.pose.keypoints import JOINT, PoseSequence
from tests.loops.dances import dance

PERIOD = 20


@pytest.fixture
def uneven() -> PoseSequence:
    """A swing that is irregular at both ends and has exactly two periods of 20 frames between."""
    phases = np.cumsum([0.013, *[0.021] * 6, *[1 / PERIOD] * 45, *[0.033] * 7])
    return dance(phases)


def quietly(*args: object, **kwargs: object) -> Loop:
    """Find a loop that must not have a visible seam."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnimateXWarning)
        return find_loop(*args, **kwargs)  # type: ignore[arg-type]


def closing_step(poses: PoseSequence) -> float:
    """The step from the last pose to the first, relative to the mean step between neighbours."""
    places = poses.body[..., :2] * [poses.width, poses.height]
    steps = np.sqrt(((np.roll(places, -1, axis=0) - places) ** 2).sum(axis=2).mean(axis=1))
    return steps[-1] / steps[:-1].mean()


def test_the_loop_is_whole_periods_long(uneven: PoseSequence) -> None:
    loop = quietly(uneven, LoopSettings(min_frames=15))
    assert len(loop) in (PERIOD, 2 * PERIOD)
    assert loop.score < 0.1
    assert 0.9 < closing_step(uneven.select(loop.indices)) < 1.1


def test_of_equal_loops_the_longest_within_the_limits_is_taken(uneven: PoseSequence) -> None:
    assert len(quietly(uneven, LoopSettings(min_frames=15))) == 2 * PERIOD
    assert len(quietly(uneven, LoopSettings(min_frames=15, max_frames=30))) == PERIOD


def test_a_clip_that_is_a_loop_already_is_kept_whole() -> None:
    whole = dance(np.arange(PERIOD) / PERIOD)
    loop = quietly(whole, LoopSettings(min_frames=12))
    assert loop.indices == list(range(PERIOD))
    assert loop.score < 0.2


def test_a_dancer_who_has_walked_on_is_no_loop() -> None:
    phases = np.arange(60) / PERIOD
    walking = dance(phases, drift=np.arange(60) * 0.004)
    with pytest.warns(AnimateXWarning, match="has a visible seam: the pose changes"):
        walked = find_loop(walking, LoopSettings(min_frames=15))
    assert walked.score > 5 * quietly(dance(phases), LoopSettings(min_frames=15)).score


def test_speed_counts_as_well_as_the_pose() -> None:
    there_and_back = dance(np.concatenate([np.linspace(0, 0.4, 20), np.linspace(0.4, 0, 20)]))
    track = Track.of(there_and_back)
    same_pose, same_motion = track.seams(5, slice(34, 35))[0], track.seams(5, slice(6, 7))[0]
    assert same_pose > 1.5 > same_motion  # frame 34 shows the pose of frame 5, but on the way back


def test_standing_still_is_not_taken_for_the_best_loop() -> None:
    phases = np.concatenate([np.zeros(30), np.arange(50) / PERIOD])
    loop = quietly(dance(phases), LoopSettings(min_frames=15, max_frames=25))
    assert (len(loop), loop.start >= 25) == (PERIOD, True)


class TestMissingJoints:
    def test_a_joint_that_appears_at_the_seam_costs_and_one_that_is_never_seen_does_not(self) -> None:
        full = dance(np.arange(40) / PERIOD)
        points = full.points.copy()
        points[:, JOINT["left_wrist"], 2] = 0
        without = full.with_points(points)
        points = full.points.copy()
        points[20:, JOINT["left_wrist"], 2] = 0
        vanishing = full.with_points(points)
        seams = [Track.of(each).seams(0, slice(20, 21))[0] for each in (full, without, vanishing)]
        assert max(seams[:2]) < 0.1 < 0.5 < seams[2]

    def test_frames_with_nobody_are_no_ends(self, uneven: PoseSequence) -> None:
        points = uneven.points.copy()
        points[::2, :, 2] = 0
        loop = find_loop(uneven.with_points(points), LoopSettings(min_frames=15))
        assert loop.start % 2 == 1

    def test_a_clip_with_nobody_is_one_sentence(self) -> None:
        with pytest.raises(InvalidInput, match="No part of the clip shows somebody"):
            find_loop(PoseSequence.empty(20, 64, 64))


class TestPingPong:
    def test_no_frame_is_doubled(self) -> None:
        assert Loop("ping-pong", 2, 6, 0).indices == [2, 3, 4, 5, 4, 3]
        assert Loop("ping-pong", 2, 4, 0).indices == [2, 3]

    def test_it_turns_where_the_dance_pauses(self) -> None:
        swing = np.cos(np.pi * np.arange(70) / 20)  # pauses at 0, 20, 40 and 60
        loop = quietly(dance(0.2 * swing), LoopSettings("ping-pong", min_frames=30, max_frames=44))
        assert (loop.start % 20, loop.stop % 20) == (0, 1)
        assert len(loop) == 40
        assert loop.score < 0.2

    def test_a_turn_in_full_motion_is_announced(self) -> None:
        with pytest.warns(AnimateXWarning, match="the dance turns back in full motion"):
            find_loop(dance(np.arange(9) / 9 + np.arange(9) ** 2 / 200), LoopSettings("ping-pong", 16))


class TestBeats:
    def test_seams_on_the_beat_are_preferred(self) -> None:
        clip = dance(np.arange(80) / 16)  # each frame begins a perfect loop of 16, 32, 48 or 64 frames
        beats = Beats(0.5 + np.arange(8) * (32 / 12), 32 / 12)
        loop = quietly(clip, LoopSettings(min_frames=10), beats, 12.0)
        assert (loop.start, loop.stop) == (6, 70)

    def test_but_not_where_they_jump(self) -> None:
        clip = dance(np.arange(80) / 16)
        loop = quietly(clip, LoopSettings(min_frames=10), Beats(np.arange(9) * (11 / 12), 11 / 12), 12.0)
        assert loop.score < 0.2
        assert len(loop) % 16 == 0


@pytest.mark.parametrize(
    ("settings", "frames", "words"),
    [
        ({"mode": "circle"}, 30, "The loop is 'circle', but it must be one of: cut, ping-pong"),
        ({"min_frames": 1}, 30, "min_frames is 1"),
        ({"min_frames": 20, "max_frames": 10}, 30, "A loop of 20 to 10 frames is requested"),
        (
            {"min_frames": 9, "max_frames": 9, "mode": "ping-pong"},
            30,
            "A ping-pong of exactly 9 frames is requested, but it has an even number: use a maximum of 10",
        ),
        ({"min_frames": 40}, 30, "The clip has 30 frames, but a loop of 40 needs at least 40"),
        (
            {"min_frames": 40, "mode": "ping-pong"},
            20,
            "The clip has 20 frames, but a loop of 40 needs at least 21",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(settings: dict, frames: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{words}") as caught:
        find_loop(dance(np.arange(frames) / 10), LoopSettings(**settings))
    assert "\n" not in str(caught.value)


def test_the_motion_is_measured_once() -> None:
    track = Track.of(dance(np.arange(30) / 10))
    assert track.speed is track.speed
    assert track.travelled is track.travelled
    np.testing.assert_allclose(np.diff(track.travelled), track.steps, rtol=1e-5)


def test_the_search_can_be_stopped() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled(f"{done} of {total}")

    with pytest.raises(Cancelled, match="1 of 23"):
        find_loop(dance(np.arange(30) / 10), progress=stop)
