"""Clips of other systems against the ground truth: aligned in time, or left out with a reason."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput
from animatex_core.evaluation.benchmark.cases import aligned_frames, check_shape
from animatex_core.pose.formats.reader import write_poses
from animatex_core.training.synthetic.triples import draw_triple
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.video.samples import ffmpeg

WIDTH, HEIGHT, FRAMES = 64, 96, 12
LOSSLESS = ("-c:v", "libx264rgb", "-qp", "0")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of the cases a and b with 12 frames at 24 frames per second."""
    folder = tmp_path_factory.mktemp("truth")
    for name in ("clips", "poses"):
        (folder / name).mkdir()
    for number, name in enumerate("ab"):
        target = draw_triple(0, number, FRAMES, WIDTH, HEIGHT).target
        write_clip(folder / "clips" / f"{name}.mp4", target.frames, fps=24, quality=10)
        write_poses(folder / "poses" / f"{name}.json", target.poses)
    return folder


def evaluated(truth: Path, system: Path, out: Path, *more: str) -> int:
    return main(
        [
            "evaluate",
            f"other={system}",
            "--set",
            str(truth),
            "--setting",
            "self-driven",
            "--size",
            "64x96",
            "--out",
            str(out),
            "--folder",
            str(out / "no-models"),
            *more,
        ]
    )


def results(out: Path) -> dict:
    return json.loads((out / "results.json").read_text("utf-8"))["results"]["self-driven"]["other"]


def converted(truth: Path, folder: Path, suffix: str, options: tuple[str, ...]) -> Path:
    folder.mkdir(exist_ok=True)
    for name in "ab":
        ffmpeg("-i", str(truth / "clips" / f"{name}.mp4"), *options, str(folder / f"{name}.{suffix}"))
    return folder


@pytest.mark.parametrize(
    ("suffix", "options", "stride"),
    [
        ("mp4", ("-c", "copy"), 1),
        ("mkv", ("-c", "copy"), 2),
        ("ts", ("-c", "copy"), 3),
        ("MOV", ("-c", "copy"), 1),
        ("mkv", ("-vf", "fps=48", *LOSSLESS), 1),
        ("mkv", ("-vf", "fps=30", *LOSSLESS), 1),
        ("mkv", ("-vf", "fps=60", *LOSSLESS), 2),
        ("mkv", ("-vf", "select='not(mod(n,2))',setpts=N/12/TB", "-r", "12", *LOSSLESS), 2),
    ],
)
def test_the_truth_against_itself(
    truth: Path, tmp_path: Path, suffix: str, options: tuple[str, ...], stride: int
) -> None:
    folder = converted(truth, tmp_path / "other", suffix, options)
    frames = FRAMES // stride
    assert evaluated(truth, folder, tmp_path / "out", f"--frames={frames}", f"--stride={stride}") == 0
    assert results(tmp_path / "out")["scores"]["SSIM"]["value"] >= 0.999


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-vf", "fps=12"), "12 frames per second, but the true clip is compared at 24"),
        (("-vf", "fps=20"), "20 frames per second, but the true clip is compared at 24"),
        (("-frames:v", "7"), "has 7 frames, but the true clip has 12"),
        (
            ("-vf", "fps=48", "-frames:v", "12"),
            r"but the true clip has 12 (23 at its 48 frames",
        ),
        (("-vf", "pad=192:96"), "192x96 pixels, but the true clip has 64x96"),
        (("-vf", "scale=96:96"), "96x96 pixels, but the true clip has 64x96"),
    ],
)
def test_a_clip_that_does_not_fit_is_left_out(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], reason: str
) -> None:
    folder = converted(truth, tmp_path / "other", "mp4", ("-c", "copy"))
    (folder / "b.mp4").unlink()
    ffmpeg("-i", str(truth / "clips" / "b.mp4"), *options, *LOSSLESS, str(folder / "b.mkv"))
    for _ in range(2):  # the second time nothing is left to do
        assert evaluated(truth, folder, tmp_path / "out", "--frames=12") == 0
    found = results(tmp_path / "out")
    assert found["scores"]["SSIM"]["value"] >= 0.999
    assert (list(found["cases"]), list(found["left_out"])) == (["a"], ["b"])
    assert reason in found["left_out"]["b"]
    printed = capsys.readouterr().out
    assert "other, self-driven: 1 of 2 cases are scored." in printed
    assert reason in printed


@pytest.mark.parametrize(
    ("side", "damage"),
    [
        ("other", "missing"),
        ("other", "empty"),
        ("other", "text"),
        ("other", "cut"),
        ("truth", "missing"),
        ("truth", "empty"),
        ("truth", "text"),
    ],
)
def test_one_bad_clip_does_not_stop_the_report(truth: Path, tmp_path: Path, damage: str, side: str) -> None:
    shutil.copytree(truth, tmp_path / "truth")
    folder = converted(truth, tmp_path / "other", "mp4", ("-c", "copy"))
    path = folder / "a.mp4" if side == "other" else tmp_path / "truth" / "clips" / "a.mp4"
    data = path.read_bytes()
    path.write_bytes(
        {"missing": b"", "empty": b"", "text": b"no video", "cut": data[: len(data) // 2]}[damage]
    )
    if damage == "missing":
        (path if side == "other" else tmp_path / "truth" / "poses" / "a.json").unlink()
    assert evaluated(tmp_path / "truth", folder, tmp_path / "out", "--frames=12") == 0
    found = results(tmp_path / "out")
    assert (list(found["cases"]), list(found["left_out"])) == (["b"], ["a"])
    assert found["scores"]["SSIM"]["value"] >= 0.999


def test_nothing_to_score_is_an_error(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    assert evaluated(truth, tmp_path / "other", tmp_path / "out", "--frames=12") == 2
    assert "There is no clip of the case a" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_that_are_not_utf8_are_evaluated(truth: Path, tmp_path: Path) -> None:
    shutil.copytree(truth, tmp_path / "truth")
    folder = converted(truth, tmp_path / "other", "mp4", ("-c", "copy"))
    odd = os.fsdecode(b"caf\xe9")
    clips, poses = tmp_path / "truth" / "clips", tmp_path / "truth" / "poses"
    for place, suffix in ((folder, "mp4"), (clips, "mp4"), (poses, "json")):
        (place / f"b.{suffix}").rename(place / f"{odd}.{suffix}")
    for _ in range(2):
        assert evaluated(tmp_path / "truth", folder, tmp_path / "out", "--frames=12") == 0
    assert results(tmp_path / "out")["cases"][odd]["SSIM"] >= 0.999


def test_macos_metadata_files_are_ignored(truth: Path, tmp_path: Path) -> None:
    shutil.copytree(truth, tmp_path / "truth")
    folder = converted(truth, tmp_path / "other", "mp4", ("-c", "copy"))
    for place in (folder / "._a.mp4", tmp_path / "truth/clips/._a.mp4", tmp_path / "truth/poses/._a.json"):
        place.write_bytes(b"\0\5\x16\7")
    assert evaluated(tmp_path / "truth", folder, tmp_path / "out", "--frames=12") == 0
    assert list(results(tmp_path / "out")["cases"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("fps", "truth_fps", "expected"),
    [
        (24, 24, [0, 1, 2, 3]),
        (24000 / 1001, 24, [0, 1, 2, 3]),
        (8, None, [0, 1, 2, 3]),
        (48, 24, [0, 2, 4, 6]),
        (30, 24, [0, 1, 3, 4]),
        (30, 15, [0, 2, 4, 6]),
        (25, 24, [0, 1, 2, 3]),
    ],
)
def test_frames_are_those_shown_at_the_same_time(
    fps: float, truth_fps: float | None, expected: list[int]
) -> None:
    assert aligned_frames(Path("x.mp4"), fps, 7, truth_fps, 4) == expected


def test_one_matching_aspect_ratio_is_enough() -> None:
    check_shape(Path("x.mp4"), (512, 768), [(512, 758), (512, 768)])
    check_shape(Path("x.mp4"), (256, 379), [(512, 758)])
    with pytest.raises(InvalidInput, match="same aspect ratio"):
        check_shape(Path("x.mp4"), (768, 512), [(512, 758), (512, 768)])


def test_the_truth_is_what_was_written(truth: Path) -> None:
    frames = np.stack(list(read_frames(truth / "clips" / "a.mp4")))
    assert np.abs(np.diff(frames.astype(int), axis=0)).mean() > 1  # else alignment would not matter
