"""`prepare` for Animate-X++: from clips in files to a data set that the trainer takes steps from."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animatex_core.animate_x.conditioning import embed_images
from animatex_core.animate_x_plus.defaults import TYPICAL_PROMPT
from animatex_core.animate_x_plus.preprocessing import (
    reference_video,
    stretch_reference,
    wan_clip_image,
)
from animatex_core.animate_x_plus.wan.autoencoder import WanAutoencoder
from animatex_core.animate_x_plus.wan.encoders import WanImageEncoder, WanTextEncoder
from animatex_core.checkpoints.safe_load import read_metadata
from animatex_core.cli.main import main
from animatex_core.encoders.open_clip import OpenClipImageEncoder
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.training.animate_x_plus.folder import WanClipFolder, write_clip
from animatex_core.training.animate_x_plus.synthetic import draw_background_motion
from animatex_core.training.data.settings import Task
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip as write_video
from tests.animate_x_plus.small_wan import SmallWan, expect_small_open_clip
from tests.support.dance_samples import FRAMES, write_dance

WIDTH, HEIGHT = 48, 64
SMALL = ("--size", f"{WIDTH}x{HEIGHT}", "--frames", "5", "--validation", "0", "--device", "cpu")
SMALLER = [
    "--cpu",
    *(
        part
        for change in (
            "wan={preset: tiny, dim: 48, ffn_dim: 96, heads: 2, blocks: 4, image_dim: 80, image_tokens: 257}",
            "lora.rank=2",
            "workers=0",
            "steps=2",
            "mixed_precision=no",
            "epi=",
        )
        for part in ("--set", change)
    ),
]
TASKS: tuple[Task, ...] = ("animation", "ti2v")
TINY = "modules={preset: tiny, variant: %s, dim: 48, window_frames: 5}"


@pytest.fixture
def clips(tmp_path: Path, small_wan: SmallWan, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of `dances`, of one clip with its poses, and one of `scenes`, of one clip with its caption."""
    monkeypatch.setenv("ANIMATEX_MODELS", str(small_wan.folder))
    files = write_dance(tmp_path)
    for name in ("dances", "scenes"):
        (tmp_path / name).mkdir()
    shutil.move(files.clip, tmp_path / "dances" / "dance.mp4")
    shutil.move(files.poses, tmp_path / "dances" / "dance.json")
    drawn = draw_background_motion(0, 0, 11, 96, 64)
    write_video(tmp_path / "scenes" / "snow.mp4", drawn.frames, fps=12)
    (tmp_path / "scenes" / "snow.txt").write_text("waves and clouds drift\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """The same folders for what never looks into the clips."""
    for name in ("dances/dance.mp4", "dances/dance.json", "scenes/snow.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def prepare(clips: Path, task: str, *options: str, system: str = "animate-x-plus-full") -> int:
    folder = "dances" if task == "animation" else "scenes"
    named = ("--out", str(clips / "out"), "--system", system, "--task", task)
    return main(["prepare", str(clips / folder), *named, *SMALL, *options])


def train(clips: Path, variant: str, task: Task) -> int:
    data = ("--data", str(clips / "out" / "train"), "--out", str(clips / f"{variant}-{task}"))
    kind = f"batches=[{{task: {task}, frames: 5, batch_size: 2}}]"
    return main(["train", "--config", "plus-tiny", *data, *SMALLER, "--set", TINY % variant, "--set", kind])


def report(clips: Path, task: str) -> dict:
    return json.loads((clips / "out" / task / "report.json").read_text(encoding="utf-8"))


def files(clips: Path) -> dict[str, tuple[int, bytes]]:
    found = sorted((clips / "out").glob("*/*/*-*.safetensors"))
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in found}


def last_error(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def close(stored: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(stored.float(), expected.float(), atol=2e-3, rtol=2e-3)


def test_clips_of_both_tasks_become_what_is_trained_on(
    clips: Path, small_wan: SmallWan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expect_small_open_clip(small_wan, monkeypatch)
    assert (prepare(clips, "animation"), prepare(clips, "ti2v")) == (0, 0)
    assert "train: 2 clips of 1 files" in capsys.readouterr().out
    data = WanClipFolder.open(clips / "out" / "train")
    assert (data.count("animation"), data.count("ti2v")) == (2, 2)

    # The second part of the dance, of frames 5 to 9; its shape is nearly that of the clips.
    frames = list(read_frames(clips / "dances" / "dance.mp4"))[5:10]
    clip = data.clip("animation", 1)
    pictures = torch.stack([stretch_reference(frame, WIDTH, HEIGHT)[0] for frame in frames], dim=1)
    autoencoder = WanAutoencoder.from_file(small_wan.autoencoder, torch.float32)
    close(clip.latents, autoencoder.encode(pictures[None])[0])
    picture = pictures[None, :, 0]
    close(clip.image_latents, autoencoder.encode(reference_video(picture, 5))[0])
    tower = WanImageEncoder.from_file(small_wan.image_encoder)
    close(clip.clip_features, tower.encode(wan_clip_image(picture))[0])
    dance = clip.dance
    assert dance is not None
    close(dance.motion.clip, embed_images(OpenClipImageEncoder.from_file(small_wan.driving_encoder), frames))
    points = read_poses(clips / "dances" / "dance.json").points[5:10]
    for poses, expected in ((dance.poses, points), (dance.reference_pose, points[:1])):
        np.testing.assert_array_equal(poses.points, expected)
    assert (dance.motion.width, dance.motion.height) == (96, 142)

    # The scene is wider than the clips: its middle is kept.
    scene = data.clip("ti2v", 0)
    cut = [frame[:, 24:72] for frame in list(read_frames(clips / "scenes" / "snow.mp4"))[:5]]
    shown = torch.stack([stretch_reference(frame, WIDTH, HEIGHT)[0] for frame in cut], dim=1)
    close(scene.latents, autoencoder.encode(shown[None])[0])
    assert scene.dance is None

    text = WanTextEncoder.from_file(small_wan.text_encoder, torch.float32)
    for task, caption in zip(TASKS, (TYPICAL_PROMPT, "waves and clouds drift"), strict=True):
        tokens = len(text.tokens(caption))
        close(data.clip(task, 0).text_context, text.encode(caption)[0, :tokens])
        assert read_metadata(data.files[task][0])["caption"] == caption
    close(data.empty_text, text.encode("")[0, :1])

    assert [train(clips, "full", task) for task in TASKS] == [0, 0]


def test_the_simple_variant_needs_no_open_clip(
    clips: Path, small_wan: SmallWan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(clips, "animation", system="animate-x-plus") == 0
    assert train(clips, "simple", "animation") == 0
    assert train(clips, "full", "animation") == 2
    assert "--system animate-x-plus-full" in last_error(capsys)
    # Nor are clips for one variant mixed with those for the other.
    expect_small_open_clip(small_wan, monkeypatch)
    assert prepare(clips, "animation") == 2
    assert "clip_dim 0, not 64" in last_error(capsys)


def test_a_stopped_run_goes_on_and_ends_alike(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "c/d"):
        for suffix in (".mp4", ".json"):
            target = (clips / "dances" / name).with_suffix(suffix)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(clips / "dances" / f"dance{suffix}", target)
    options = ("--encoders", "generated", "--validation", "0.5")
    assert prepare(clips, "animation", *options) == 0
    whole = files(clips)
    assert len(whole) == 6
    shutil.rmtree(clips / "out")

    written: list[Any] = []

    def stopped(*given: Any) -> None:
        if len(written) == 3:  # in the middle of the second file
            raise KeyboardInterrupt
        written.append(given)
        write_clip(*given)

    with monkeypatch.context() as patch:
        patch.setattr("animatex_core.training.animate_x_plus.preparation.write_clip", stopped)
        assert prepare(clips, "animation", *options) == 130
    half = files(clips)
    assert prepare(clips, "animation", *options) == 0
    now = files(clips)
    assert {name: data for name, (_, data) in now.items()} == {
        name: data for name, (_, data) in whole.items()
    }
    assert sum(now[name] == half[name] for name in half) == 2  # the first file was not made again
    assert prepare(clips, "animation", *options) == 0
    assert files(clips) == now


def test_what_cannot_be_used_is_reported_and_the_rest_prepared(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dances, scenes = clips / "dances", clips / "scenes"
    shutil.copy(dances / "dance.mp4", dances / "nobody.mp4")
    write_poses(dances / "nobody.json", PoseSequence.empty(FRAMES, 96, 142))
    for name, caption in (("silent", None), ("blank", b" "), ("strange", b"\xff"), ("short", b"snow falls")):
        shutil.copy(scenes / "snow.mp4", scenes / f"{name}.mp4")
        if caption is not None:
            (scenes / f"{name}.txt").write_bytes(caption)
    write_video(scenes / "short.mp4", [np.zeros((64, 64, 3), np.uint8)] * 4, fps=12)
    (scenes / "broken.mp4").write_bytes(b"no clip")
    (scenes / "broken.txt").write_text("rain", encoding="utf-8")
    assert [prepare(clips, task, "--encoders", "generated") for task in TASKS] == [0, 0]
    assert "skipped: 5 files" in capsys.readouterr().out
    assert "0 of 12" in report(clips, "animation")["skipped"]["nobody.mp4"]
    assert "lower --frames" in report(clips, "animation")["skipped"]["nobody.mp4"]
    reasons = report(clips, "ti2v")["skipped"]
    expected = {"silent": "silent.txt cannot be read", "blank": "is empty", "strange": "UTF-8"}
    for name, reason in {**expected, "short": "has 4 frames", "broken": "not a readable video"}.items():
        assert reason in reasons[f"{name}.mp4"]
    for task in TASKS:
        assert report(clips, task)["train"] == {"files": 1, "clips": 2, "frames": 10}
    assert WanClipFolder.open(clips / "out" / "validation").files == {"animation": [], "ti2v": []}


def test_a_changed_caption_is_encoded_anew(clips: Path) -> None:
    assert prepare(clips, "ti2v", "--encoders", "generated") == 0
    before = files(clips)
    (clips / "scenes" / "snow.txt").write_text("a rabbit in the snow", encoding="utf-8")
    assert prepare(clips, "ti2v", "--encoders", "generated") == 0
    data = WanClipFolder.open(clips / "out" / "train")
    assert data.clip("ti2v", 0).text_context.shape[0] == 6
    assert files(clips).keys() == before.keys()
    assert not {data for _, data in files(clips).values()} & {data for _, data in before.values()}


def test_a_clip_that_cannot_be_encoded_is_not_written(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = torch.full((17, 64), 1e5)  # more than 16 bits hold
    monkeypatch.setattr(
        "animatex_core.training.animate_x_plus.synthetic.DummyEncoders.image", lambda *_: large
    )
    assert prepare(clips, "ti2v", "--encoders", "generated") == 0
    assert "The CLIP features are NaN or too large" in report(clips, "ti2v")["skipped"]["snow.mp4"]
    assert not files(clips)


BAD = [
    (("--size", "50x64"), "multiple of 16: use 64"),
    (("--frames", "6"), "4n + 1 frames: use 9"),
    (("--least", "4"), "--least is only available for Animate-X, "),
    (("--reference-form", "both"), "--reference-form is only available for Animate-X, "),
    (("--system", "animate-x"), "--task is only available for Animate-X++"),
    (("--poses", "x"), "--poses is only used for animation"),
    (("--validation", "1"), "validation is 1"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_options_that_cannot_be_are_refused_in_one_sentence(
    names: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert prepare(names, "ti2v", *options) == 2
    assert message in last_error(capsys)
    assert not (names / "out").exists()


def test_tasks_of_two_sizes_are_not_mixed(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare(clips, "animation", "--encoders", "generated") == 0
    assert prepare(clips, "ti2v", "--encoders", "generated", "--size", "64x64") == 2
    assert "width 48, not 64" in last_error(capsys)
    assert prepare(clips, "ti2v") == 2
    assert "another text encoder" in last_error(capsys)


@pytest.mark.parametrize(
    ("missing", "download"),
    [
        ("text_encoder", "umt5-xxl"),
        ("image_encoder", "clip-vision-h"),
        ("autoencoder", "wan21-autoencoder"),
        ("driving_encoder", "open-clip-vit-h-14"),
    ],
)
def test_a_missing_file_is_named_with_the_command_that_gets_it(
    names: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
    download: str,
) -> None:
    here = SmallWan(names / "models")
    for name in ("text_encoder", "image_encoder", "autoencoder"):
        target = getattr(here, name)
        target.parent.mkdir(parents=True)
        target.touch()
    getattr(here, missing).unlink(missing_ok=True)
    monkeypatch.setenv("ANIMATEX_MODELS", str(here.folder))
    assert prepare(names, "animation") == 2
    assert f"run `animatex models download {download}`" in last_error(capsys)
    assert not (names / "out").exists()
