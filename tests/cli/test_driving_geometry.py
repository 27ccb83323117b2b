import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.driving import common_length, read_driving_poses
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import JOINT, PoseSequence, seen
from animatex_core.video.info import probe
from tests.pose.onnx_files import write_detector, write_landmarks
from tests.support.dance_samples import HEIGHT, WIDTH, DanceFiles, write_dance
from tests.video.samples import ffmpeg

LIMBS = (
    *(("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
    *(("left_hip", "left_knee"), ("right_hip", "right_knee")),
)


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return write_dance(tmp_path)


@pytest.fixture
def squeezed(dance: DanceFiles) -> Path:
    """The same dance with half the width, in pixels that are twice as wide as high."""
    path = dance.folder / "squeezed.mp4"
    ffmpeg("-i", str(dance.clip), "-vf", f"scale={WIDTH // 2}:{HEIGHT},setsar=2/1", "-c:a", "copy", str(path))
    return path


def angles(poses: PoseSequence) -> np.ndarray:
    """Return the directions of limbs in degrees, (frames, limbs), NaN if invisible."""
    places = np.where(seen(poses.body)[..., None], poses.body[..., :2], np.nan) * [poses.width, poses.height]
    ends = [places[:, JOINT[end]] - places[:, JOINT[start]] for start, end in LIMBS]
    return np.degrees(np.stack([np.arctan2(end[:, 1], end[:, 0]) for end in ends], axis=1))


def apart(first: PoseSequence, second: PoseSequence) -> float:
    return float(np.nanmax(np.abs((angles(first) - angles(second) + 180) % 360 - 180)))


def halved(poses: PoseSequence) -> PoseSequence:
    return replace(poses, width=poses.width // 2)


def without_canvas(path: Path) -> None:
    frames = json.loads(path.read_text())
    for frame in frames:
        frame.pop("canvas_width")
        frame.pop("canvas_height")
    path.write_text(json.dumps(frames))


@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize("has_canvas", [True, False])
def test_poses_of_either_size_have_the_angles_of_square_pixels(
    dance: DanceFiles, squeezed: Path, is_stored: bool, has_canvas: bool
) -> None:
    right = read_poses(dance.poses)
    path = dance.folder / "theirs.json"
    write_poses(path, halved(right) if is_stored else right)
    if not has_canvas:
        without_canvas(path)
    clip = probe(squeezed)
    poses = read_driving_poses(path, clip)
    assert (clip.width, clip.height, clip.stored_size) == (WIDTH, HEIGHT, (WIDTH // 2, HEIGHT))
    assert (poses.width, poses.height) == (WIDTH, HEIGHT)
    assert apart(poses, right) < 0.2
    assert common_length(clip, poses) == len(right)


def test_poses_of_a_video_with_square_pixels_are_unchanged(dance: DanceFiles) -> None:
    right = read_poses(dance.poses)
    path = dance.folder / "narrow.json"
    write_poses(path, halved(right))
    assert read_driving_poses(path, probe(dance.clip)).width == WIDTH // 2


def test_retargeted_poses_keep_their_angles(dance: DanceFiles, squeezed: Path) -> None:
    stored = dance.folder / "stored.json"
    write_poses(stored, halved(read_poses(dance.poses)))
    given = dance.options(frames=0, stride=1)[:2]
    for driving, poses, out in ((dance.clip, dance.poses, "a.json"), (squeezed, stored, "b.json")):
        files = ["--driving", str(driving), "--poses", str(poses), "--out", out]
        assert main(["retarget", *given, *files, "--box", "0.2,0.1,0.8,0.9"]) == 0
    assert apart(read_poses(dance.folder / "a.json"), read_poses(dance.folder / "b.json")) < 0.2


def test_poses_are_detected_in_square_pixels(dance: DanceFiles, squeezed: Path) -> None:
    (dance.folder / "models").mkdir()
    write_detector(dance.folder / "models" / "yolox_l.onnx")
    write_landmarks(dance.folder / "models" / "dw-ll_ucoco_384.onnx")
    assert main(["pose", str(squeezed), "--out", "found.json"]) == 0
    found = read_poses(dance.folder / "found.json")
    assert (found.width, found.height) == (WIDTH, HEIGHT)


def test_cached_poses_of_squeezed_frames_are_not_used(dance: DanceFiles, squeezed: Path) -> None:
    assert probe(dance.clip).conversion == ()
    assert len(probe(squeezed).conversion) == 1
