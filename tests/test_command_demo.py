from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.cli import main
from animatex_core.commands.demo import SHAPE


def test_demo_writes_frames_and_says_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", str(tmp_path / "clip")]) == 0
    frames = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "clip").glob("*.png"))]
    assert "not trained" in capsys.readouterr().out
    assert [frame.shape for frame in frames] == [(SHAPE.height, SHAPE.width, 3)] * SHAPE.frames
    assert min(frame.std() for frame in frames) > 5


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "clip")]) == 2
    assert "--out" in capsys.readouterr().err.splitlines()[-1]
