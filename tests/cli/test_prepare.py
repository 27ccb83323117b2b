import json
import shutil
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animatex_core.animate_x.conditioning import clip_conditions
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.cli.main import main
from animatex_core.encoders.preprocessing import autoencoder_images
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.training.data.header import DatasetHeader
from animatex_core.training.data.preparation import BATCH_FRAMES, dummy_encoders, encode_clip
from animatex_core.training.data.shard import write_shard
from animatex_core.training.data.shards import ShardDataset
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.pose.onnx_files import draw_people, write_detector, write_landmarks
from tests.support.dance_samples import FRAMES, write_dance
from tests.support.small_release import place_small_release

SMALL = (
    "--size",
    "64x64",
    "--fps",
    "12",
    "--least",
    "4",
    "--most",
    "8",
    "--references",
    "3",
    "--device",
    "cpu",
)


@pytest.fixture(autouse=True, scope="module")
def _generated_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        once = cache(dummy_encoders)
        patch.setattr("animatex_core.cli.preparation.dummy_encoders", once)
        yield


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one dance of 12 frames and its poses."""
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    dance, folder = write_dance(tmp_path), tmp_path / "clips"
    folder.mkdir()
    shutil.move(dance.clip, folder / "dance.mp4")
    shutil.move(dance.poses, folder / "dance.json")
    return folder


def copied(clips: Path, name: str) -> None:
    for suffix in (".mp4", ".json"):
        target = (clips / name).with_suffix(suffix)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(clips / f"dance{suffix}", target)


def run(clips: Path, *options: str, encoders: str = "generated") -> int:
    out = clips.parent / "out"
    return main(["prepare", str(clips), "--out", str(out), *SMALL, "--encoders", encoders, *options])


def report(clips: Path) -> dict:
    return json.loads((clips.parent / "out" / "report.json").read_text(encoding="utf-8"))


def train(clips: Path) -> ShardDataset:
    return ShardDataset.open(clips.parent / "out" / "train")


def shards(clips: Path) -> dict[str, tuple[int, bytes]]:
    files = sorted((clips.parent / "out").glob("*/shard-*"))
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_a_prepared_clip_matches_the_encoders_output(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--size", "128x192", "--validation", "0", "--reference-form", "both", "--max-stride", "1")
    assert run(clips, *options) == 0
    assert "train: 2 clips of 1 files" in capsys.readouterr().out
    dataset, encoders = train(clips), dummy_encoders(torch.device("cpu"))
    assert len(dataset) == 2
    assert torch.equal(dataset.text_context, encoders.text_context)
    clip = dataset.clip(1, 6, np.random.default_rng(0))
    np.testing.assert_array_equal(clip.poses.points, read_poses(clips / "dance.json").points[6:])
    frames = list(read_frames(clips / "dance.mp4"))[6:]
    latents = encoders.autoencoder.encode(autoencoder_images(frames, 128, 192))
    torch.testing.assert_close(clip.latents.transpose(0, 1), latents, atol=0.01, rtol=0.01)
    assert clip.reference.latents is not None
    assert any(torch.equal(clip.reference.latents[0], frame) for frame in clip.latents.transpose(0, 1))
    assert any(torch.equal(clip.reference.embedding[0], feature) for feature in clip.motion.clip)
    assert (clip.poses.fps, clip.motion.width, clip.motion.height) == (12, 96, 142)
    clip_conditions(ClipShape(128, 192, 6), dataset.text_context, clip.reference, clip.poses, clip.motion)


def test_official_files_in_the_models_folder(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place_small_release(clips.parent / "models", monkeypatch)
    assert run(clips, "--validation", "0", encoders="released") == 0
    dataset = train(clips)
    assert dataset.text_context.shape == (1, 77, 64)
    assert dataset.clip(0, 6, np.random.default_rng(0)).motion.clip.shape == (6, 64)


def test_an_interrupted_run_resumes_with_the_same_result(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b/c", "d"):
        copied(clips, name)
    assert run(clips, "--validation", "0.5") == 0
    whole, counts = shards(clips), report(clips)
    assert counts["train"]["files"] + counts["validation"]["files"] == 4
    assert counts["validation"]["files"] > 0
    shutil.rmtree(clips.parent / "out")

    written: list[Path] = []

    def stopped(path: Path, *others: Any) -> None:
        if len(written) == 3:  # in the middle of the second file
            raise KeyboardInterrupt
        written.append(path)
        write_shard(path, *others)

    with monkeypatch.context() as patch:
        patch.setattr("animatex_core.training.data.preparation.write_shard", stopped)
        assert run(clips, "--validation", "0.5") == 130
    half = shards(clips)
    assert len(half) == 3
    assert run(clips, "--validation", "0.5") == 0
    now = shards(clips)
    assert {name: data for name, (_, data) in now.items()} == {
        name: data for name, (_, data) in whole.items()
    }
    assert sum(now[name] == half[name] for name in half) == 2  # the first file was not made again
    assert run(clips, "--validation", "0.5") == 0
    assert shards(clips) == now


def test_unusable_videos_are_reported_and_the_rest_prepared(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("nobody", "strange"):
        copied(clips, name)
    write_poses(clips / "nobody.json", PoseSequence.empty(FRAMES, 96, 142))
    (clips / "strange.json").write_text('{"title": "a dance"}')
    for name, content in (("broken", b"no clip"), ("empty", b"")):
        (clips / f"{name}.mp4").write_bytes(content)
        write_poses(clips / f"{name}.json", PoseSequence.empty(1, 96, 142))
    write_clip(clips / "short.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3, fps=12)
    shutil.copy(clips / "dance.json", clips / "short.json")
    assert run(clips, "--validation", "0") == 0
    assert "skipped: 5 files" in capsys.readouterr().out
    reasons = report(clips)["skipped"]
    expected = {
        "broken": "not a readable video",
        "empty": "is empty",
        "nobody": "0 of 12",
        "strange": "not an OpenPose",
    }
    for name, reason in {**expected, "short": "4 in a row are needed"}.items():
        assert reason in reasons[f"{name}.mp4"]
    assert len(train(clips)) == 2
    shutil.copy(clips / "dance.json", clips / "nobody.json")
    assert run(clips, "--validation", "0") == 0
    assert "nobody.mp4" not in report(clips)["skipped"]


def test_a_changed_video_is_prepared_again_without_leftovers(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(clips, "--validation", "0") == 0
    frames = list(read_frames(clips / "dance.mp4"))
    write_clip(clips / "dance.mp4", frames[:7], fps=12)
    assert run(clips, "--validation", "0") == 0
    assert "the video has 7" in capsys.readouterr().err
    assert len(train(clips)) == 1
    assert report(clips)["train"] == {"files": 1, "clips": 1, "frames": 7}


def test_a_deleted_shard_is_prepared_again(clips: Path) -> None:
    assert run(clips, "--validation", "0") == 0
    before = {name: data for name, (_, data) in shards(clips).items()}
    next((clips.parent / "out" / "train").glob("shard-*-0001*")).unlink()
    assert run(clips, "--validation", "0") == 0
    assert {name: data for name, (_, data) in shards(clips).items()} == before


@pytest.fixture
def walks(clips: Path) -> Path:
    """Two videos of a red rectangle, which small models in place of DWPose detect as a person."""
    (clips.parent / "models").mkdir()
    write_detector(clips.parent / "models" / "yolox_l.onnx")
    write_landmarks(clips.parent / "models" / "dw-ll_ucoco_384.onnx")
    for path in clips.iterdir():
        path.unlink()
    for name in ("one", "two"):
        frames = [draw_people(96, 96, (8 + 4 * step, 20, 40 + 4 * step, 80, "r", 220)) for step in range(6)]
        write_clip(clips / f"{name}.mp4", [*frames, draw_people(96, 96)], fps=12, quality=10)
    return clips


def test_poses_are_detected_once_and_saved_next_to_the_videos(
    walks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, original = [], PoseExtractor.from_files

    def counted(detector: Path, landmarks: Path, device: str) -> PoseExtractor:
        opened.append(device)
        return original(detector, landmarks, device)

    monkeypatch.setattr(PoseExtractor, "from_files", counted)
    for _ in range(2):
        assert run(walks, "--validation", "0") == 0
        shutil.rmtree(walks.parent / "out" / "records")
    assert len(opened) == 1
    poses = read_poses(walks / "two.json")
    np.testing.assert_allclose(poses.body[:6, 1, 0] * 96, poses.body[0, 1, 0] * 96 + 4 * np.arange(6), atol=3)
    assert not poses.points[6].any()  # where nobody is found, nobody is assumed
    assert report(walks)["train"] == {"files": 2, "clips": 2, "frames": 12}


def test_poses_in_another_folder(walks: Path) -> None:
    elsewhere = walks.parent / "poses"
    assert run(walks, "--validation", "0", "--poses", str(elsewhere)) == 0
    assert sorted(path.name for path in elsewhere.iterdir()) == ["one.json", "two.json"]
    assert not list(walks.glob("*.json"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "100x64"), "multiple of 64"),
        (("--most", "7"), "at least 8"),
        (("--fps", "0"), "fps is 0"),
        (("--device", "toaster"), "toaster"),
        (("--encoders", "released"), "models download open-clip"),
    ],
)
def test_bad_input_is_one_sentence(
    clips: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert run(clips, *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (clips.parent / "out").exists()


def test_missing_folders_and_files_are_named(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, message in (("nowhere", "does not exist"), ("models", "does not exist"), (".", "")):
        assert run(clips / folder) == (2 if message else 0)
        assert message in capsys.readouterr().err
    (clips / "dance.json").unlink()
    shutil.rmtree(clips.parent / "out")
    assert run(clips) == 0
    assert "models download pose" in capsys.readouterr().out


def test_other_settings_are_refused(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clips) == 0
    before = shards(clips)
    assert run(clips, "--least", "3") == 2
    assert "least 4, not 3" in capsys.readouterr().err
    assert shards(clips) == before


def test_only_a_few_frames_are_in_memory() -> None:
    made: list[weakref.ref] = []
    alive: list[int] = []

    def frames() -> Iterator[np.ndarray]:
        for number in range(40):
            frame = np.full((64, 64, 3), number, np.uint8)
            made.append(weakref.ref(frame))
            alive.append(sum(reference() is not None for reference in made))
            yield frame

    encoders, poses = dummy_encoders(torch.device("cpu")), PoseSequence.empty(40, 64, 64)
    clip = encode_clip(encoders, DatasetHeader(64, 64, 64), frames(), poses, references=3)
    assert max(alive) <= 2 * BATCH_FRAMES
    assert [reference.picture[0, 0, 0] for reference in clip.references] == [0, 20, 39]
