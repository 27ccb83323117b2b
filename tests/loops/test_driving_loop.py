"""Driving videos that are cut to loops: frames, poses and sound stay together."""

import numpy as np
import pytest

from animatex_core.driving import DrivingClip, open_driving
from animatex_core.driving_loop import loop_driving
from animatex_core.loops.loop import LoopMode, LoopSettings
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
