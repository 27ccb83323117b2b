from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli import inputs
from animatex_core.cli.main import main
from animatex_core.pose.formats.reader import read_poses
from animatex_core.pose.keypoints import seen
from animatex_core.video.info import probe
from animatex_core.video.writer import write_clip
from tests.pose.onnx_files import draw_people, write_detector, write_landmarks
from tests.support.dance_samples import FPS, FRAMES, DanceFiles, small_dance, write_dance


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(inputs, "CACHE", tmp_path / "cache")
    return write_dance(tmp_path)


def test_poses_from_a_file_are_filtered(dance: DanceFiles) -> None:
    out = dance.folder / "out.json"
    options = ["--poses", str(dance.poses), "--smooth", "2", "--fill-gaps", "3"]
    assert main(["pose", str(dance.clip), "--out", str(out), *options]) == 0
    smoothed, given = read_poses(out), small_dance()
    assert len(smoothed) == FRAMES
    difference = np.abs(smoothed.body - given.body)[seen(given.body)][..., :2]
    assert 0 < difference.max() < 0.1


def test_the_preview_is_a_video_of_the_drawn_poses(dance: DanceFiles) -> None:
    preview = dance.folder / "preview.mp4"
    options = [
        "--poses",
        str(dance.poses),
        "--out",
        str(dance.folder / "out.json"),
        "--preview",
        str(preview),
    ]
    assert main(["pose", str(dance.clip), *options]) == 0
    clip = probe(preview)
    assert (clip.frames, clip.fps, clip.width, clip.height) == (FRAMES, FPS, 96, 142)


def test_without_onnx_files_the_small_models_are_used_and_the_download_is_suggested(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pose", str(dance.clip)]) == 0
    output = capsys.readouterr().out
    assert "models download pose" in output
    assert "poses: the small nets on CPU" in output
    assert len(read_poses(dance.clip.with_suffix(".json"))) == FRAMES


def test_explicit_small_models_print_no_suggestion(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pose", str(dance.clip), "--pose-nets", "small"]) == 0
    assert "models download pose" not in capsys.readouterr().out


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of a red rectangle that walks to the right, past a smaller and darker green one."""
    models = tmp_path / "models"
    models.mkdir()
    write_detector(models / "yolox_l.onnx")
    write_landmarks(models / "dw-ll_ucoco_384.onnx")
    monkeypatch.setenv("ANIMATEX_MODELS", str(models))
    monkeypatch.setattr(inputs, "CACHE", tmp_path / "cache")
    frames = [
        draw_people(96, 192, (8 + 8 * step, 20, 40 + 8 * step, 80, "r", 220), (150, 30, 160, 50, "g", 150))
        for step in range(6)
    ]
    return write_clip(tmp_path / "walk.mp4", frames, fps=12, quality=10)


def middles(path: Path) -> np.ndarray:
    """Return the mean x of all points in pixels, for every frame."""
    points = read_poses(path).points[..., 0] * 192
    return (points.min(axis=1, initial=192, where=points > 0) + points.max(axis=1)) / 2


@pytest.mark.parametrize("every", ["1", "3"])
def test_the_person_is_detected_in_the_right_place(walk: Path, every: str) -> None:
    assert main(["pose", str(walk), "--detect-every", every]) == 0
    found = middles(walk.with_suffix(".json"))
    np.testing.assert_allclose(found, 24 + 8 * np.arange(6), atol=4)


def test_another_person_can_be_selected(walk: Path) -> None:
    assert main(["pose", str(walk), "--person", "1"]) == 0
    np.testing.assert_allclose(middles(walk.with_suffix(".json")), 155, atol=4)


def test_poses_are_cached_until_the_video_changes(walk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for options in ([], [], ["--no-cache"], ["--person", "1"]):
        assert main(["pose", str(walk), *options]) == 0
        outputs.append("poses: DWPose on CPU" in capsys.readouterr().out)
    assert outputs == [True, False, True, True]
    walk.write_bytes(walk.read_bytes() + b"\0")
    assert main(["pose", str(walk)]) == 0
    assert "poses: DWPose on CPU" in capsys.readouterr().out


def test_the_output_must_not_replace_the_input_poses(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dance.poses.read_bytes()
    assert main(["pose", str(dance.clip), "--poses", str(dance.poses), "--out", str(dance.poses)]) == 2
    assert "--out" in capsys.readouterr().err
    assert dance.poses.read_bytes() == before
