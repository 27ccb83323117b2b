"""Recordings as driving clips: camera, head, hands, frame rate, and what the mannequin shows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.assets.demo_files import MOTION
from animatex_core.driving_motion import MotionClip, open_motion
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.motion.camera import CameraSettings, Up
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.keypoints import JOINT, seen
from animatex_core.training.synthetic.motion_capture import write_demo_motion
from tests.motion.skeletons import FILES, NAMES, recording, skeleton, write

SIZE: dict[str, Any] = {"width": 96, "height": 128}


def standing(
    tmp_path: Path, camera: dict | None = None, up: str = "y", scale: float = 1.0, **turns: Any
) -> MotionClip:
    """A person who stands as a T in three frames at 30 per second."""
    path = write(tmp_path / "stand.bvh", recording(skeleton(up=up, scale=scale), **turns))
    settings = MotionSettings(CameraSettings(**SIZE, **(camera or {})), fps=30)
    return open_motion(path, settings, frames=3, stride=1)


def at(clip: MotionClip, joint: str, frame: int = 0) -> np.ndarray:
    """The pixel of a joint."""
    assert seen(clip.poses.body[frame])[JOINT[joint]], joint
    return clip.poses.body[frame, JOINT[joint], :2] * [96, 128]


def shown(clip: MotionClip, frame: int = 0) -> set[str]:
    """What is visible of the face."""
    face = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    return {joint for joint in face if seen(clip.poses.body[frame])[JOINT[joint]]}


def test_from_the_front_the_left_is_at_the_right_and_the_body_is_whole(tmp_path: Path) -> None:
    clip = standing(tmp_path)
    assert at(clip, "left_wrist")[0] > at(clip, "left_shoulder")[0] > 48 > at(clip, "right_wrist")[0]
    assert at(clip, "nose")[1] < at(clip, "neck")[1] < at(clip, "left_knee")[1] < at(clip, "left_toe")[1]
    np.testing.assert_allclose(
        at(clip, "neck"), (at(clip, "left_shoulder") + at(clip, "right_shoulder")) / 2, atol=1e-4
    )
    assert seen(clip.poses.body).all()
    inside = (clip.poses.body[..., :2] > 0) & (clip.poses.body[..., :2] < 1)
    assert inside.all()
    assert not seen(clip.poses.hands).any()


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("scale", [0.01, 1.0, 39.37, 1000.0])
def test_units_and_the_axis_that_points_up_do_not_matter(tmp_path: Path, up: str, scale: float) -> None:
    expected = standing(tmp_path).poses.points
    np.testing.assert_allclose(standing(tmp_path, up=up, scale=scale).poses.points, expected, atol=1e-4)


def test_the_axis_that_points_up_can_be_set(tmp_path: Path) -> None:
    for up, sign in (("y", 1), ("-y", -1)):
        clip = standing(tmp_path, {"up": up})
        assert sign * (at(clip, "left_ankle")[1] - at(clip, "neck")[1]) > 0


def test_heights_of_the_head_are_human(tmp_path: Path) -> None:
    clip = standing(tmp_path)
    head = 0.13 * clip.seen.stature
    assert at(clip, "left_eye")[0] - at(clip, "right_eye")[0] == pytest.approx(0.28 * head, rel=1e-4)
    assert at(clip, "left_ear")[0] - at(clip, "right_ear")[0] == pytest.approx(0.66 * head, rel=1e-4)
    assert at(clip, "nose")[1] - at(clip, "left_eye")[1] == pytest.approx(0.14 * head, rel=1e-3)


FACES: dict[float, set[str]] = {
    0: {"nose", "left_eye", "right_eye", "left_ear", "right_ear"},
    45: {"nose", "left_eye", "right_eye", "left_ear"},
    90: {"nose", "left_eye", "left_ear"},
    180: {"left_ear", "right_ear"},
    270: {"nose", "right_eye", "right_ear"},
}


@pytest.mark.parametrize("angle", FACES)
def test_what_faces_away_is_hidden(tmp_path: Path, angle: float) -> None:
    clip = standing(tmp_path, {"angle": angle})
    assert shown(clip) == FACES[angle]
    assert (at(clip, "left_wrist")[0] - at(clip, "right_wrist")[0]) * np.cos(np.radians(angle)) >= -1e-3


def test_three_quarter_is_an_angle_of_45_degrees(tmp_path: Path) -> None:
    ours = standing(tmp_path, {"view": "three-quarter", "angle": 10}).poses.points
    np.testing.assert_allclose(ours, standing(tmp_path, {"angle": 55}).poses.points, atol=1e-6)


def test_front_is_where_the_dancer_faces_on_average(tmp_path: Path) -> None:
    turned = standing(tmp_path, hips_Yrotation=[130, 150, 170])
    assert shown(turned, 1) == FACES[0]
    np.testing.assert_allclose(turned.poses.body[1], standing(tmp_path).poses.body[1], atol=0.05)


def test_the_head_turns_with_its_bone(tmp_path: Path) -> None:
    clip = standing(tmp_path, head_Yrotation=[0, 90, 180])
    assert [shown(clip, frame) for frame in range(3)] == [FACES[0], FACES[270], FACES[180]]


def test_the_camera_follows_or_stands_still(tmp_path: Path) -> None:
    walk: dict[str, Any] = {"hips_Xposition": [0, 3, 6]}
    followed, fixed = (standing(tmp_path, {"follow": follow}, **walk) for follow in (True, False))
    places = [[at(clip, "neck", frame)[0] for frame in range(3)] for clip in (followed, fixed)]
    np.testing.assert_allclose(places[0], 48, atol=1e-3)
    assert np.diff(places[1]).min() > 20
    assert ((fixed.poses.body[..., 0] > 0) & (fixed.poses.body[..., 0] < 1)).all()
    assert fixed.seen.stature < followed.seen.stature


def test_a_jump_stays_a_jump_while_the_camera_follows(tmp_path: Path) -> None:
    clip = standing(tmp_path, hips_Yposition=[0, 0.5, 0])
    assert at(clip, "left_ankle", 0)[1] - at(clip, "left_ankle", 1)[1] == pytest.approx(
        0.5 / 1.7 * clip.seen.stature, rel=0.1
    )


def test_hands_are_those_of_the_fingers() -> None:
    clip = open_motion(
        FILES / "mixamo.bvh", MotionSettings(CameraSettings(**SIZE), fps=30), frames=3, stride=1
    )
    assert seen(clip.poses.hands).all()
    np.testing.assert_allclose(clip.poses.hands[:, 0, 0], clip.poses.body[:, JOINT["left_wrist"]])


def test_the_frame_rate_changes_and_parts_are_cut() -> None:
    whole = open_motion(MOTION, MotionSettings(fps=24), frames=None, stride=1)
    assert len(whole.poses) == 97
    half = open_motion(MOTION, MotionSettings(fps=24), frames=4, stride=2, start=1.0)
    assert (half.poses.fps, half.choice.fps, half.choice.indices) == (12, 12, (24, 26, 28, 30))
    assert half.clip.fps == 24
    double = open_motion(MOTION, MotionSettings(fps=48), frames=None, stride=1)
    assert len(double.poses) == 193
    np.testing.assert_allclose(double.seen.points[::2], whole.seen.points, atol=3)


def test_more_frames_than_there_are_warn(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bvh", recording(skeleton()))
    with pytest.warns(AnimateXWarning, match="only 3 there"):
        open_motion(path, MotionSettings(fps=30), frames=9, stride=1)


@pytest.mark.parametrize(("fps", "most"), [(10, "100,000"), (1000, "1,000,000")])
def test_too_many_frames_are_refused_before_they_are_made(tmp_path: Path, fps: float, most: str) -> None:
    long = write(tmp_path / "long.bvh", recording(skeleton(), frames=200, fps=0.01))
    with pytest.raises(InvalidInput, match=f"at most {most} are used"):
        open_motion(long, MotionSettings(fps=fps), frames=None, stride=1)


def test_joints_at_one_place_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bvh", recording(skeleton(scale=0)))
    with pytest.raises(InvalidInput, match="All joints of the motion lie at one place"):
        open_motion(path, frames=1)


@pytest.mark.parametrize(
    "wrong", [{"view": "top"}, {"up": "x"}, {"angle": float("nan")}, {"width": 4}, {"height": 100_000}]
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InvalidInput):
        CameraSettings(**wrong)
    with pytest.raises(InvalidInput, match="frame rate of the motion"):
        MotionSettings(fps=0)


@pytest.mark.parametrize("up", ["y", "z", "-y", "-z"])
def test_poses_stay_finite_however_the_dancer_lies(tmp_path: Path, up: Up) -> None:
    lying: list[dict[str, Any]] = [{"hips_Zrotation": [90, 90, 90]}, {"hips_Xrotation": [-90, 0, 90]}]
    for turns in lying:
        clip = standing(tmp_path, {"up": up}, **turns)
        assert np.isfinite(clip.poses.points).all()
        assert len(list(clip.frames())) == 3


def test_the_mannequin_stands_where_the_pose_is(tmp_path: Path) -> None:
    clip = standing(tmp_path)
    frames = list(clip.frames())
    assert [frame.shape for frame in frames] == [(128, 96, 3)] * 3
    background = frames[0][0, 0]
    for joint in ("left_wrist", "right_elbow", "neck", "left_knee"):
        x, y = at(clip, joint).astype(int)
        assert np.abs(frames[0][y, x].astype(int) - background).max() > 20, joint
    other = np.abs(frames[0][:100].astype(int) - background).max(axis=2) > 8  # above the floor
    assert 0.05 < other.mean() < 0.4
    assert not other[:, :2].any()


def test_the_face_of_the_mannequin_is_seen_from_the_front_only(tmp_path: Path) -> None:
    colors = []
    for angle in (0, 180):
        clip = standing(tmp_path, {"angle": angle})
        x, y = (clip.seen.skull[0, :2]).astype(int)
        colors.append(next(iter(clip.frames()))[y, x].astype(int))
    assert colors[0].sum() > colors[1].sum() + 150  # skin, and hair


@pytest.mark.parametrize("program", NAMES)
def test_every_program_gives_the_same_poses(tmp_path: Path, program: str) -> None:
    path = write(tmp_path / "x.bvh", recording(skeleton(NAMES[program])))
    clip = open_motion(path, MotionSettings(CameraSettings(**SIZE), fps=30), frames=3, stride=1)
    np.testing.assert_allclose(clip.poses.points, standing(tmp_path).poses.points, atol=1e-6)


def test_the_shipped_motion_is_what_the_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "dance.bvh"
    monkeypatch.setattr("animatex_core.training.synthetic.motion_capture.MOTION", made)
    write_demo_motion()
    assert made.read_bytes() == MOTION.read_bytes()
    assert MOTION.stat().st_size < 150_000
