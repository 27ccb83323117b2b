from pathlib import Path

import numpy as np
import pytest

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.assets.demo_files import CHARACTERS, CLIP, OTHER_STYLES
from animatex_core.cli.main import main
from animatex_core.hub.bundled import BUNDLED_MODELS, NOTICE
from animatex_core.pose.formats.reader import read_poses
from animatex_core.pose.keypoints import JOINT, seen
from animatex_core.training.small_models.demo_files import (
    STYLES,
    TRAITS,
    draw_character,
    draw_dance,
    write_demo_files,
)
from animatex_core.video.image import read_image
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames

QUICK = "--frames 2 --stride 2 --solver dpm++2m --steps 1 --model small --pose-nets small"


def test_processes_of_torchrun_do_not_wait_for_each_other_in_a_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")
    monkeypatch.setattr("torch.distributed.init_process_group", lambda *_, **__: pytest.fail("it joins them"))
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 2
    assert "torchrun can only start animate" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_demo_runs_the_whole_pipeline_and_prints_the_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("animatex_core.cli.inputs.CACHE", tmp_path / "cache")
    monkeypatch.setattr("animatex_core.cli.demo.OPTIONS", QUICK)
    folder = tmp_path / "a folder"
    assert main(["demo", "--character", "pear", "--out", str(folder)]) == 0
    output = capsys.readouterr().out
    assert NOTICE in output
    assert "poses: the small nets on CPU" in output
    clip, trained_on = probe(folder / "animation.mp4"), read_denoiser(BUNDLED_MODELS.denoiser).trained_on
    assert (clip.width, clip.height) == (trained_on.width, trained_on.height)
    assert (clip.frames, clip.fps, clip.has_audio) == (2, 12, True)
    assert min(frame.std() for frame in read_frames(clip)) > 5
    assert probe(folder / "side_by_side.mp4").frames == 2
    assert (folder / "dance.mp4").read_bytes() == CLIP.read_bytes()


def test_shipped_files_are_small_and_match_their_drawings() -> None:
    assert CLIP.stat().st_size < 300_000
    assert sorted(path.stem for path in CHARACTERS.glob("*.png")) == sorted(TRAITS)
    for name in TRAITS:
        drawn = draw_character(name, with_alpha=True)
        np.testing.assert_array_equal(read_image(CHARACTERS / f"{name}.png").rgb, drawn[..., :3])
        assert 0.1 < (drawn[..., 3] > 127).mean() < 0.6
    clip, (frames, poses) = probe(CLIP), draw_dance()
    assert (clip.frames, clip.width, clip.height, clip.fps, clip.has_audio) == (64, 256, 384, 24, True)
    shown = np.stack(list(read_frames(clip)))
    assert np.abs(shown.astype(int) - frames).mean() < 4
    assert len(poses) == 64


@pytest.mark.parametrize("name", sorted(STYLES))
def test_characters_in_other_styles_match_their_drawings(name: str) -> None:
    shipped = read_image(OTHER_STYLES / f"{name}.png").rgb
    drawn, pose = STYLES[name](256, 384)
    # The last digit of a square root may differ between processors, and then a colour by one level.
    assert np.abs(shipped.astype(int) - drawn).max() <= 1
    found = read_poses(OTHER_STYLES / f"{name}.json", size=(256, 384))
    np.testing.assert_allclose(found.points, pose.points, atol=1e-6)
    assert seen(found.body).all()


def test_the_pose_of_the_bear_lies_on_its_drawing() -> None:
    drawn, pose = STYLES["bear"](256, 384)
    joints = (pose.body[0, :, :2] * [256, 384]).astype(int)
    fur, paw = (
        drawn[y, x].astype(int) for x, y in (joints[JOINT[name]] for name in ("left_elbow", "left_wrist"))
    )
    assert fur[0] > fur[1] > fur[2]
    assert paw.min() > fur.min() + 40


def test_regenerating_writes_all_files(tmp_path: Path) -> None:
    write_demo_files(tmp_path / "dance.mp4", tmp_path / "characters", tmp_path / "other_styles")
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    shipped = [f"{CHARACTERS.name}/{path.name}" for path in CHARACTERS.iterdir()]
    shipped += [f"{OTHER_STYLES.name}/{path.name}" for path in OTHER_STYLES.iterdir()]
    assert written == sorted([*shipped, CLIP.name])


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "clip")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("animatex: ")
    assert "file" in error
