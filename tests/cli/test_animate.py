import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.animate_x.components import NOTICE
from animatex_core.cli.main import main
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.support.dance_samples import FPS, DanceFiles, write_dance
from tests.support.small_disk import mounted
from tests.support.small_release import place_small_release

SMALL = {"size": "64x64", "frames": 4, "steps": 2, "solver": "dpm++2m", "device": "cpu", "model": "generated"}


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    return write_dance(tmp_path)


def animate(dance: DanceFiles, *flags: str, **options: object) -> int:
    return main(["animate", *dance.options(**{**SMALL, "out": dance.folder / "out.mp4", **options}), *flags])


def last_frame(folder: Path) -> np.ndarray:
    return np.asarray(Image.open(folder / "0003.png"), dtype=int)


def last_error(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_the_video_has_the_requested_length_size_rate_and_sound(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert animate(dance) == 0
    clip = probe(dance.folder / "out.mp4")
    assert (clip.frames, clip.width, clip.height, clip.fps) == (4, 64, 64, FPS / 2)
    assert clip.has_audio
    assert NOTICE in capsys.readouterr().out


def test_frames_depend_only_on_the_seed(dance: DanceFiles) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert animate(dance, out=dance.folder / name, seed=seed) == 0
    a, b, c = (np.asarray(Image.open(dance.folder / name / "0003.png"), dtype=int) for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).mean() > 1


def test_sound_is_stretched_to_another_rate(dance: DanceFiles) -> None:
    assert animate(dance, fps=3) == 0
    clip = probe(dance.folder / "out.mp4")
    assert (clip.fps, clip.duration, clip.has_audio) == (3, pytest.approx(4 / 3), True)


def test_silent_leaves_the_sound_out(dance: DanceFiles) -> None:
    assert animate(dance, "--silent") == 0
    assert not probe(dance.folder / "out.mp4").has_audio


def test_side_by_side_shows_reference_pose_and_result(dance: DanceFiles) -> None:
    assert animate(dance, side_by_side=dance.folder / "three.mp4") == 0
    frames = list(read_frames(dance.folder / "three.mp4"))
    assert [frame.shape for frame in frames] == [(64, 48 + 64 + 64, 3)] * 4
    assert frames[0][:, 48:112].mean() < 60  # the pose is drawn on black


@pytest.mark.parametrize(
    "plan", [["--window", "3"], ["--window", "3", "--overlap", "1"], ["--segments", "3"]]
)
def test_long_videos_in_windows_and_segments(dance: DanceFiles, plan: list[str]) -> None:
    assert animate(dance, out=dance.folder / "whole") == 0
    assert animate(dance, *plan, out=dance.folder / "parts") == 0
    assert np.abs(last_frame(dance.folder / "whole") - last_frame(dance.folder / "parts")).mean() > 1


def test_every_retargeting_mode_gives_another_video(dance: DanceFiles) -> None:
    Image.new("RGB", (60, 80), "teal").save(dance.character)
    ways: dict[str, dict[str, object]] = {
        "none": {},
        "align": {"reference_pose": dance.poses},
        "box": {"box": "0.2,0.1,0.8,0.9"},
    }
    for name, known in ways.items():
        mode = name if name in ("none", "align") else "retarget"
        assert animate(dance, "--retarget", mode, **known, out=dance.folder / name) == 0
    frames = [last_frame(dance.folder / name) for name in ways]
    assert all(np.abs(one - other).mean() > 1 for one, other in combinations(frames, 2))


def test_more_frames_than_the_video_has(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert animate(dance, frames=20) == 0
    assert probe(dance.folder / "out.mp4").frames == 12
    assert "animatex: warning: 20 frames were requested" in capsys.readouterr().err


def test_official_files_in_the_models_folder(
    dance: DanceFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = dance.folder / "models"
    place_small_release(models, monkeypatch)
    assert animate(dance, out=dance.folder / "pickle", model="auto") == 0
    assert main(["convert", "--precision", "bf16"]) == 0
    (models / "animate_x" / "animate-x_ckpt.pth").unlink()
    assert animate(dance, out=dance.folder / "bundle", model="auto") == 0
    assert NOTICE not in capsys.readouterr().out
    first, second = (
        np.asarray(Image.open(dance.folder / name / "0000.png"), dtype=int) for name in ("pickle", "bundle")
    )
    assert np.abs(first - second).mean() < 8  # but for the rounding of bf16


def test_inputs_are_read_before_the_weights(
    dance: DanceFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place_small_release(dance.folder / "models", monkeypatch)
    monkeypatch.setattr(
        "animatex_core.cli.selected_models.load_components", lambda *_: pytest.fail("too early")
    )
    for options in ({"reference": "no.png"}, {"poses": "no.json"}, {"mask": "no.png"}, {"start": 5}):
        assert animate(dance, model="auto", **options) == 2
    shutil.rmtree(dance.folder / "models" / "vae")
    assert animate(dance, model="auto") == 2
    assert "models download sd21-autoencoder" in last_error(capsys)


def test_a_video_damaged_in_the_middle_is_refused(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(dance.clip.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    dance.clip.write_bytes(data)
    assert animate(dance, frames="all", stride=1) == 2
    assert "can be read" in last_error(capsys)


@pytest.mark.parametrize(
    ("option", "other"), [("out", "reference"), ("out", "driving"), ("side_by_side", "out"), ("out", "poses")]
)
def test_no_output_replaces_an_input_or_another_output(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], option: str, other: str
) -> None:
    path = {"reference": dance.character, "driving": dance.clip, "poses": dance.poses}.get(other)
    path = path or dance.folder / "out.mp4"
    before = path.read_bytes() if path.exists() else None
    assert animate(dance, **{option: path}) == 2
    assert f"--{other}" in last_error(capsys)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "animatex_core", "models", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_a_full_disk_does_not_lose_the_video(
    dance: DanceFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full, spare = dance.folder / "full", dance.folder / "spare"
    full.mkdir()
    spare.mkdir()
    monkeypatch.setattr("animatex_core.cli.animation.gettempdir", lambda: str(spare))
    with mounted(full, "size=4k"):
        assert animate(dance, out=full / "out.mp4") == 2
        assert list(full.iterdir()) == []
    assert f"The video was written to {spare / 'out.mp4'} instead." in last_error(capsys)
    assert probe(spare / "out.mp4").frames == 4


def test_a_failed_cut_out_does_not_lose_the_video(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    out = dance.folder / "out.webm"
    Image.new("RGB", (60, 80), "teal").save(dance.character)  # the generated model draws noise over it
    assert animate(dance, "--cut-out", "--retarget", "none", out=out) == 2
    complaint = last_error(capsys)
    assert "no single color along its border" in complaint
    assert f"The video was written to {out} with its background instead." in complaint
    assert (probe(out).frames, probe(out).has_alpha) == (4, False)


def test_what_cannot_be_cut_out_is_refused_before_sampling(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(dance.character)
    out = dance.folder / "out.webm"
    assert animate(dance, "--cut-out", "--retarget", "none", out=out) == 2
    assert "The reference has no mask, no transparency and no single color" in last_error(capsys)
    assert not out.exists()


BAD = [
    ({"reference": "nowhere.png"}, "nowhere.png"),
    ({"reference": "x" * 300}, "cannot be opened"),
    ({"driving": "x" * 300}, "cannot be opened"),
    ({"reference": "models"}, "models"),
    ({"reference": "poses.json"}, "is not an image"),
    ({"driving": "nowhere.mp4"}, "nowhere.mp4"),
    ({"driving": "poses.json"}, "is not a readable video"),
    ({"poses": "character.png"}, "not JSON"),
    ({"poses": "nowhere.json"}, "nowhere.json"),
    ({"size": "100x64"}, "multiple of 64"),
    ({"size": "104x160", "model": "small"}, "multiple of 16: use 96"),
    ({"size": "100x64", "model": "nope.safetensors"}, "nope.safetensors"),
    ({"size": "0x0"}, "width is 0"),
    ({"seed": 2**64}, "2^64"),
    ({"steps": 1001, "solver": "dpm++2m"}, "1001"),
    ({"window": 2, "overlap": 2}, "overlap"),
    ({"start": 1e308}, "start"),
    ({"fps": 0}, "fps"),
    ({"fps": 1e-9}, "fps"),
    ({"person": 1}, "no frame of"),
    ({"steps": 27, "solver": "ddim"}, "steps is 27"),
    ({"start": 5}, "start"),
    ({"guidance": -1}, "guidance"),
    ({"out": "clip.avi"}, "clip.avi"),
    ({"side_by_side": "clip.avi"}, "clip.avi"),
    ({"model": "nowhere.safetensors"}, "nowhere.safetensors"),
    ({"reference_pose": "nowhere.json"}, "nowhere.json"),
    ({"mask": "nowhere.png"}, "nowhere.png"),
    ({"legs": 0}, "legs"),
    ({"device": "toaster", "model": "x.safetensors"}, "toaster"),
    ({"drop": "tail"}, "tail"),
    ({"quality": 11}, "quality"),
    ({"fps": -3}, "fps"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_one_sentence_and_leaves_nothing(
    dance: DanceFiles,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, object],
    message: str,
) -> None:
    monkeypatch.chdir(dance.folder)
    (dance.folder / "out.mp4").write_bytes(b"precious")
    before = sorted(dance.folder.rglob("*"))
    assert animate(dance, **options) == 2
    error = last_error(capsys)
    assert error.startswith("animatex: ")
    assert message in error
    assert sorted(dance.folder.rglob("*")) == before
    assert (dance.folder / "out.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "option",
    [
        ["--size", "big"],
        ["--size", "64"],
        ["--box", "1,2"],
        ["--box", "0.5,0,0.2,1"],
        ["--frames", "few"],
        ["--stride", "0"],
        ["--person", "tallest"],
        ["--detect-every", "-1"],
        ["--provider", "toaster"],
    ],
)
def test_malformed_options_exit_with_status_2(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        animate(dance, *option)
    assert ended.value.code == 2
    assert f"argument {option[0]}" in last_error(capsys)


def test_help_gives_units_and_defaults() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "animatex_core", "animate", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for text in ("default: 512x768", "seconds into the video", "guidance scale", "0 to 10"):
        assert text in " ".join(done.stdout.split())
