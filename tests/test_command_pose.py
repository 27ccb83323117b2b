from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli import main
from animatex_core.pose.json_io import read_poses
from animatex_core.pose.skeleton import seen
from animatex_core.video.clip import probe
from tests.dance_samples import FPS, FRAMES, DanceFiles, small_dance, write_dance


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return write_dance(tmp_path)


def test_poses_read_from_a_file_are_cleaned_and_chosen(dance: DanceFiles) -> None:
    out = dance.folder / "out.json"
    options = ["--poses", str(dance.poses), "--stride", "2", "--smooth", "2", "--fill-gaps", "3"]
    assert main(["pose", str(dance.clip), "--out", str(out), *options]) == 0
    smoothed, given = read_poses(out), small_dance().select(range(0, FRAMES, 2))
    assert len(smoothed) == FRAMES // 2
    difference = np.abs(smoothed.body - given.body)[seen(given.body)][..., :2]
    assert 0 < difference.max() < 0.1


def test_the_preview_is_a_clip_of_the_drawn_poses(dance: DanceFiles) -> None:
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


def test_missing_onnx_files_are_named_with_the_command(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pose", str(dance.clip)]) == 2
    assert "models download pose" in capsys.readouterr().err
    assert not dance.clip.with_suffix(".json").exists()
