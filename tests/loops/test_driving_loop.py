"""Driving videos that are cut to loops: frames, poses and sound stay together."""

from dataclasses import replace

import numpy as np
import pytest

from animatex_core.driving import DrivingClip, open_driving
from animatex_core.driving_loop import continuation, loop_driving
from animatex_core.loops.loop import LoopMode, LoopSettings
from animatex_core.retarget.retarget import Box, Character, retarget, retarget_with_plan
from tests.loops.dances import dance
from tests.video.samples import make_clip, numbers_of

COUNT, PERIOD = 30, 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> DrivingClip:
    phases = np.cumsum([0.02] * 8 + [1 / PERIOD] * 16 + [0.03] * 6)
    path = make_clip(tmp_path_factory.mktemp("loop") / "clip.mp4", 2 * COUNT, "24")
    poses = dance(np.repeat(phases, 2))
    return open_driving(path, poses=poses, frames=None, stride=2)


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")  # the shape of the poses
@pytest.mark.parametrize("mode", ["cut", "ping-pong"])
def test_frames_and_poses_are_cut_alike(clip: DrivingClip, mode: LoopMode) -> None:
    looped = loop_driving(clip, LoopSettings(mode, 10, 14))
    shown = numbers_of(looped.frames())
    assert shown == [2 * index for index in looped.loop.indices]
    assert len(looped.poses) == len(shown) == len(looped.loop)
    np.testing.assert_array_equal(looped.poses.points, clip.poses.points[looped.loop.indices])
    looped.require_all(len(shown))
    assert looped.choice.start == pytest.approx(looped.loop.start / 12)
    assert looped.choice.duration == pytest.approx(len(shown) / 12)
    assert looped.choice.fps == 12


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_a_continuation_is_retargeted_as_the_animation_that_it_continues(clip: DrivingClip) -> None:
    character = Character(64, 48, None, Box(0.2, 0.1, 0.8, 0.9))
    walking = replace(clip, poses=dance(np.arange(COUNT) / PERIOD, drift=np.linspace(0, 0.3, COUNT)))
    more = continuation(walking, 12, 4)
    assert numbers_of(more.frames()) == [2 * index for index in range(8, COUNT)]
    before = retarget(walking.poses.select(range(12)), character)
    after = retarget_with_plan(more.poses, character, measured=more.measured).poses
    np.testing.assert_array_equal(after.points[:4], before.points[8:])
    alone = retarget(more.poses, character)
    assert np.abs(alone.points[:4] - before.points[8:]).max() > 1e-3
