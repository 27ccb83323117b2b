from pathlib import Path

import pytest

from animatex_core.cli import main
from animatex_core.generated_networks import NOTICE
from animatex_core.video.clip import probe
from animatex_core.video.read import read_frames


def test_demo_goes_the_whole_way_and_says_what_its_picture_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a folder"
    assert main(["demo", "--out", str(folder)]) == 0
    assert NOTICE in capsys.readouterr().out
    clip = probe(folder / "animation.mp4")
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (16, 128, 192, 12, True)
    assert min(frame.std() for frame in read_frames(clip)) > 5
    assert probe(folder / "dance.mp4").frames == 64
    assert probe(folder / "side_by_side.mp4").frames == 16


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "clip")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("animatex: ")
    assert "file" in error
