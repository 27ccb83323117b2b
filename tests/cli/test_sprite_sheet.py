"""`animatex sprite-sheet`, and `animate --cut-out` as far as it fails early."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.cli.main import main
from animatex_core.pose.formats.reader import write_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.video.image import write_image
from animatex_core.video.writer import write_clip
from tests.cutout.samples import Sample, sample
from tests.sprites.test_sheet import moving, read_back

FPS = 12


@pytest.fixture(scope="module")
def drawn() -> Sample:
    return sample(0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Sample) -> Path:
    """A lossless video of a dance, its reference and its masks."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip", drawn.frames, fps=FPS)
    write_image(tmp_path / "reference.png", drawn.reference)
    Image.fromarray(np.where(drawn.shown, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    (tmp_path / "masks").mkdir()
    for number, alpha in enumerate(drawn.alpha):
        Image.fromarray(np.where(alpha > 0.5, 255, 0).astype(np.uint8)).save(f"masks/{number:04}.png")
    return tmp_path


SOURCES = {
    "reference": ["--reference", "reference.png", "--mask", "mask.png"],
    "masks": ["--masks", "masks"],
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_character_is_cut_out_and_put_on_a_sheet(
    folder: Path, drawn: Sample, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["sprite-sheet", "--clip", "clip", "--clip-fps", f"{FPS}", "--out", "dance.png", *SOURCES[source]]
    assert main(line) == 0
    assert "cut-out: The background is" in capsys.readouterr().out
    shown = np.stack(read_back(folder / "dance.png"))
    assert np.abs(shown[..., 3] / 255 - drawn.alpha).mean() < 0.003


def test_a_video_with_alpha_keeps_it(folder: Path) -> None:
    frames = moving()
    write_clip(folder / "disc.apng", frames, fps=FPS, alpha=True)
    layout = ["--rate", "6", "--trim", "all", "--padding", "1", "--extrude", "1", "--power-of-two"]
    assert main(["sprite-sheet", "--clip", "disc.apng", "--form", "array", *layout]) == 0
    shown = read_back(folder / "sprites.png")
    assert len(shown) == len(frames) // 2
    for one, other in zip(shown, frames[::2], strict=True):
        np.testing.assert_array_equal(one[other[..., 3] > 0], other[other[..., 3] > 0])
    described = json.loads((folder / "sprites.json").read_text(encoding="utf-8"))
    assert len({tuple(entry["spriteSourceSize"].values()) for entry in described["frames"]}) == 1


BAD = {
    "nothing known": (["--clip", "clip"], "no single color along its border"),
    "mask alone": (["--clip", "clip", "--mask", "mask.png"], "give --reference too"),
    "too large": (["--clip", "clip", *SOURCES["masks"], "--max-size", "100"], "need a sheet of about"),
    "another suffix": (["--clip", "clip", "--out", "sheet.gif"], "one that ends in .png"),
    "wrong color": (["--clip", "clip", "--background", "ff00ff"], "color is #ff00ff, but hardly any pixel"),
    "no color": (["--clip", "clip", "--background", "blurple"], "is not a color"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options, words = BAD[name]
    assert main(["sprite-sheet", *options]) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert words in complaint
    assert not list(folder.glob("sprites.*"))


def test_a_format_without_alpha_is_refused_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["animate", "--reference", "none.png", "--driving", "none.mp4", "--cut-out", "--out", "x.mp4"]
    assert main(line) == 2
    assert "cannot store transparency: use .webm" in capsys.readouterr().err


OVERWRITTEN = {
    "reference": [*SOURCES["reference"], "--out", "reference.png"],
    "mask": [*SOURCES["reference"], "--out", "mask.png"],
    "masks": [*SOURCES["masks"], "--out", "masks/0003.png"],
    "poses": [*SOURCES["masks"], "--poses", "dance.json", "--out", "dance.png"],
    "clip": [*SOURCES["masks"], "--out", "clip/9999.png"],
}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_inputs_are_never_overwritten(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    poses = PoseSequence.empty(8, 160, 240)
    poses.body[:] = 0.5, 0.5, 1
    write_poses(folder / "dance.json", poses)
    before = contents(folder)
    assert main(["sprite-sheet", "--clip", "clip", *OVERWRITTEN[name]]) == 2
    assert f"--{name} is " in capsys.readouterr().err.splitlines()[-1]
    assert contents(folder) == before


@pytest.mark.parametrize("clip", ["sprites.webp", "s*.png"])
def test_a_preview_and_a_pattern_are_inputs_too(
    folder: Path, clip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["sprite-sheet", *SOURCES["masks"], "--clip"]
    assert main([*line, "clip"]) == 0
    before = contents(folder)
    assert main([*line, clip]) == 2
    assert "--clip is " in capsys.readouterr().err.splitlines()[-1]
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [("sprites.json", "{}"), ("sprites.json", '{"meta": {"app": "another"}}'), ("sprites.webp", "a picture")],
)
def test_files_of_others_beside_the_sheet_are_kept(
    folder: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    line = ["sprite-sheet", "--clip", "clip", *SOURCES["masks"]]
    assert main(line) == 2
    assert "does not belong to a sprite sheet 'sprites.png'" in capsys.readouterr().err.splitlines()[-1]
    assert (folder / name).read_text(encoding="utf-8") == text
    assert main([*line, "--out", "other.png"]) == 0
    assert main([*line, "--out", "other.png"]) == 0  # its own files are replaced


def test_a_rate_too_low_to_play_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["sprite-sheet", "--clip", "clip", *SOURCES["masks"], "--clip-fps", "0.4", "--rate", "0.025"]
    assert main(line) == 2
    assert "rate is 0.025, which keeps 1 of 8 frames" in capsys.readouterr().err.splitlines()[-1]
