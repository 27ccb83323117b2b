from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.assets.demo_files import DANCE
from animatex_core.cli.main import main
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from tests.retarget.motion import CARTOON, figure


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    write_poses(tmp_path / "dance.json", read_poses(DANCE).select(range(0, 60, 3)))
    return tmp_path / "dance.json"


def epi(poses: Path, *options: object) -> np.ndarray:
    out = poses.with_name("grid.png")
    words = ["--frames", 3, "--rows", 2, "--stride", 2, *options]
    assert main(["epi", "--poses", str(poses), "--out", str(out), *map(str, words)]) == 0
    return np.asarray(Image.open(out)).astype(int)


def test_every_row_has_driving_poses_anchor_and_result(
    poses: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = epi(poses)
    assert capsys.readouterr().out.endswith("grid.png: 2 clips, 20 poses to draw anchors from\n")
    cells = np.split(grid[: len(grid) // 2, :], 7, axis=1)
    colourful = [(np.ptp(cell, axis=-1) > 60).sum() for cell in cells]
    assert min(colourful) > 100
    assert np.abs(cells[4] - cells[0])[30:].max() > 100


def test_the_options_and_the_seed_determine_the_image(poses: Path) -> None:
    plain, other = epi(poses), epi(poses, "--seed", 1)
    assert (plain != other).any()
    untouched = np.split(epi(poses, "--without", "rescaling", "realignment")[:, :], 7, axis=1)
    assert np.abs(untouched[4] - untouched[0])[30:240].mean() < 1
    never = np.split(epi(poses, "--probability", 0), 7, axis=1)
    np.testing.assert_array_equal(never[4][30:240], never[0][30:240])


def test_anchors_can_come_from_folders(poses: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (poses.parent / "more").mkdir()
    for number in range(3):
        write_poses(poses.parent / "more" / f"{number}.json", figure(CARTOON))
    epi(poses, "--anchors", poses.parent / "more")
    assert "23 poses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "-1"], "--seed is -1"),
        (["--probability", "2"], "probability is 2.0"),
        (["--out", "grid.txt"], "is not an image name"),
        (["--poses", "nobody.json"], "the pose pool has no frame"),
    ],
)
def test_invalid_options_are_refused(
    poses: Path,
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(poses.parent)
    write_poses("nobody.json", PoseSequence.empty(4, 30, 40))
    assert main(["epi", "--poses", "dance.json", *options]) == 2
    assert words in capsys.readouterr().err
