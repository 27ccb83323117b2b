"""Motion capture on the command line: the dance of animate, retarget and pose, and poses as BVH."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core import AnimateXPipeline
from animatex_core.assets.demo_files import MOTION
from animatex_core.cli.main import main
from animatex_core.driving_motion import open_motion
from animatex_core.errors import InvalidInput
from animatex_core.motion.camera import CameraSettings
from animatex_core.motion.planar import read_planar_bvh
from animatex_core.motion.settings import MotionSettings
from animatex_core.pose.formats.reader import read_poses
from animatex_core.pose.keypoints import seen
from animatex_core.video.info import probe
from tests.support.dance_samples import DanceFiles, write_dance

SMALL = ["--size", "64x64", "--steps", "2", "--solver", "dpm++2m", "--device", "cpu", "--model", "generated"]
BOX = ["--box", "0.1,0.1,0.9,0.9"]


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return write_dance(tmp_path)


def refusal(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the sentence with which a command fails."""
    assert main(command) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_character_dances_to_a_recording(dance: DanceFiles) -> None:
    out = dance.folder / "out.mp4"
    options = ["--motion", str(MOTION), "--frames", "4", "--camera", "three-quarter", "--out", str(out)]
    assert main(["animate", "--reference", str(dance.character), *BOX, *options, *SMALL]) == 0
    clip = probe(out)
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (4, 64, 64, 12, False)


def test_the_pipeline_takes_a_recording_like_a_video(dance: DanceFiles) -> None:
    pipeline = AnimateXPipeline.from_bundle("small", device="cpu")
    clip = open_motion(MOTION, MotionSettings(CameraSettings(width=64, height=96)), frames=2)
    animation = pipeline(dance.character, clip, size=(64, 64))
    assert animation.frames.shape == (2, 64, 64, 3)
    assert animation.fps == 12
    assert animation.driving is clip
    with pytest.raises(InvalidInput, match="has poses of its own"):
        pipeline(dance.character, MOTION, poses=dance.poses, size=(64, 64))


def test_poses_of_a_recording_are_written_as_json(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pose", str(MOTION), "--out", "walk.json", "--preview", "walk.mp4", "--angle", "90"]) == 0
    poses = read_poses(dance.folder / "walk.json")
    clip = open_motion(MOTION, MotionSettings(CameraSettings(angle=90)), frames=None, stride=1)
    np.testing.assert_array_equal(poses.body, clip.poses.body)
    assert "97 frames, a person in 97 of them" in capsys.readouterr().out
    assert probe(dance.folder / "walk.mp4").frames == 97


def test_poses_of_a_video_are_written_as_bvh(dance: DanceFiles) -> None:
    assert main(["pose", str(dance.clip), "--poses", str(dance.poses), "--out", "dance.bvh"]) == 0
    found, poses = read_planar_bvh(dance.folder / "dance.bvh"), read_poses(dance.poses)
    visible = seen(poses.body)
    np.testing.assert_allclose(found.body[visible][:, :2], poses.body[visible][:, :2], atol=1e-6)
    assert found.fps == 12


def test_retargeted_poses_are_those_of_the_recording_on_the_character(dance: DanceFiles) -> None:
    command = ["retarget", "--reference", str(dance.character), *BOX, "--driving", str(MOTION)]
    assert main([*command, "--motion-fps", "6", "--out", "fitted.bvh", "--preview", "fitted.png"]) == 0
    fitted = read_planar_bvh(dance.folder / "fitted.bvh")
    assert (len(fitted), fitted.fps) == (25, 6)
    assert seen(fitted.body).sum() > 25 * 15


def test_one_sentence_for_what_does_not_go_together(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["retarget", "--reference", str(dance.character), *BOX]
    motion = ["--motion", str(MOTION)]
    assert "--motion and --driving are both given" in refusal(
        [*start, "--driving", str(dance.clip), *motion], capsys
    )
    assert "--poses is given" in refusal([*start, *motion, "--poses", str(dance.poses)], capsys)
    assert "frame rate of the motion is 0" in refusal([*start, *motion, "--motion-fps", "0"], capsys)
    assert "missing.yaml cannot be read" in refusal([*start, *motion, "--bones", "missing.yaml"], capsys)
    assert "--out and --motion are both" in refusal([*start, *motion, "--out", str(MOTION)], capsys)


def test_without_either_the_video_is_asked_for(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["animate", "--reference", str(dance.character)])
    assert "the following arguments are required: --driving" in capsys.readouterr().err


def test_bones_of_a_recording_are_mapped_by_a_file(dance: DanceFiles) -> None:
    strange = MOTION.read_text().replace("LeftForeArm", "Second Arm")
    (dance.folder / "strange.bvh").write_text(strange)
    (dance.folder / "bones.yaml").write_text("left_elbow: Second Arm\n")
    assert main(["pose", "strange.bvh", "--bones", "bones.yaml", "--out", "mapped.json"]) == 0
    assert main(["pose", str(MOTION), "--out", "known.json"]) == 0
    assert (dance.folder / "mapped.json").read_bytes() == (dance.folder / "known.json").read_bytes()


MISPLACED = [
    ("--camera", "three-quarter"),
    ("--angle", "90"),
    ("--fixed-camera",),
    ("--up", "z"),
    ("--bones", "bones.yaml"),
    ("--motion-fps", "30"),
]


@pytest.mark.parametrize("option", MISPLACED, ids=lambda option: option[0])
def test_options_of_motion_capture_are_refused_beside_a_video(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    assert f"{option[0]} is an option of motion capture" in refusal(
        ["animate", *dance.options(out=dance.folder / "out.mp4"), *option], capsys
    )


def test_the_frame_rate_of_images_is_refused_beside_a_recording(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["retarget", "--reference", str(dance.character), "--motion", str(MOTION), "--out", "o.json"]
    assert "use --motion-fps" in refusal([*command, "--driving-fps", "30"], capsys)
