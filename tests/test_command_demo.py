from pathlib import Path

import numpy as np
import pytest

from animatex_core import small_bundle
from animatex_core.cli import main
from animatex_core.commands.demo_material import CHARACTERS, CLIP
from animatex_core.generated_networks import NOTICE
from animatex_core.training.bundle.demo_files import TRAITS, draw_character, draw_dance
from animatex_core.video.clip import probe
from animatex_core.video.picture import read_picture
from animatex_core.video.read import read_frames
from tests.small_bundles import write_small_bundle

DEMO = "--frames 2 --stride 2 --solver dpm++2m --steps 1 --model small --pose-nets small"


def test_demo_goes_the_whole_way_and_says_what_its_picture_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(small_bundle, "FOLDER", tmp_path / "none")
    folder = tmp_path / "a folder"
    assert main(["demo", "--out", str(folder)]) == 0
    assert NOTICE in capsys.readouterr().out
    clip = probe(folder / "animation.mp4")
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (16, 128, 192, 12, True)
    assert min(frame.std() for frame in read_frames(clip)) > 5
    assert probe(folder / "dance.mp4").frames == 64
    assert probe(folder / "side_by_side.mp4").frames == 16


def test_with_small_networks_poses_are_found_and_the_size_is_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_small_bundle(tmp_path / "small")
    monkeypatch.setattr(small_bundle, "FOLDER", tmp_path / "small")
    monkeypatch.setattr("animatex_core.commands.dances.CACHE", tmp_path / "cache")
    monkeypatch.setattr("animatex_core.commands.demo.TRAINED", DEMO)
    folder = tmp_path / "demo"
    assert main(["demo", "--character", "pear", "--out", str(folder)]) == 0
    told = capsys.readouterr().out
    assert small_bundle.NOTICE in told
    assert "poses: the small nets on CPU" in told
    clip = probe(folder / "animation.mp4")
    assert (clip.frames, clip.width, clip.height, clip.has_audio) == (2, 128, 192, True)


def test_small_networks_that_lack_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(small_bundle, "FOLDER", tmp_path)
    options = ["--reference", str(CHARACTERS / "cat.png"), "--driving", str(CLIP), "--model", "small"]
    assert main(["animate", *options, "--out", str(tmp_path / "out.mp4")]) == 2
    assert f"The small networks are not in {tmp_path}: install" in capsys.readouterr().err


def test_shipped_files_are_small_and_as_they_are_drawn() -> None:
    assert CLIP.stat().st_size < 300_000
    assert sorted(path.stem for path in CHARACTERS.glob("*.png")) == sorted(TRAITS)
    for name in TRAITS:
        drawn = draw_character(name, with_alpha=True)
        np.testing.assert_array_equal(read_picture(CHARACTERS / f"{name}.png").rgb, drawn[..., :3])
        assert 0.1 < (drawn[..., 3] > 127).mean() < 0.6
    clip, (frames, poses) = probe(CLIP), draw_dance()
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (64, 256, 384, 24, True)
    shown = np.stack(list(read_frames(clip)))
    assert np.abs(shown.astype(int) - frames).mean() < 4
    assert len(poses) == 64


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "clip")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("animatex: ")
    assert "file" in error
