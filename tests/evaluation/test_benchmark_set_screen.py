"""Screening of videos, with synthetic poses and real files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput
from animatex_core.evaluation.benchmark_set.screening import PoseFinder
from animatex_core.evaluation.benchmark_set.thresholds import (
    LIMBS,
    Thresholds,
    VideoQuality,
    acceptance_reason,
    measure,
    rejection_reasons,
)
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.keypoints import BODY_JOINTS, POINTS, PoseSequence
from animatex_core.video.writer import write_clip
from tests.pose.onnx_files import draw_people, write_detector, write_landmarks

FPS = 10


def poses(frames: int = 20, score: float = 0.8) -> np.ndarray:
    """Points (frames, 130, 3) of a body that is detected in every frame."""
    points = np.full((frames, POINTS, 3), 0.5, np.float32)
    points[..., 2] = score
    return points


def measured(points: np.ndarray, joints: int = 10) -> VideoQuality:
    return measure(PoseSequence.from_points(points, 64, 96), FPS, joints)


def test_the_limbs_are_those_of_arms_and_legs() -> None:
    names = [BODY_JOINTS[joint].partition("_")[2] for joint in LIMBS]
    assert len(names) == 12
    assert set(names) == {"shoulder", "elbow", "wrist", "hip", "knee", "ankle"}


def test_a_video_with_a_body_in_every_frame_is_kept() -> None:
    found = measured(poses())
    assert (found.frames, found.found, found.gap) == (20, 1.0, 0.0)
    assert found.confidence == pytest.approx(0.8)
    assert list(rejection_reasons(found, Thresholds())) == []
    assert acceptance_reason(found) == "a body is found in 100% of the frames, with a mean score of 0.80"


def test_heads_hands_and_toes_are_ignored() -> None:
    points = poses()
    others = [joint for joint in range(POINTS) if joint not in LIMBS]
    points[:, others, 2] = 0
    assert measured(points) == measured(poses())


def test_two_hidden_joints_are_allowed_but_not_three() -> None:
    points = poses()
    points[:, LIMBS[:2], 2] = 0.3  # a score of exactly 0.3 is not seen
    assert measured(points).found == 1
    points[:, LIMBS[2], 2] = 0.3
    assert measured(points).found == 0
    assert measured(points, joints=9).found == 1


def test_the_longest_gap_counts_in_seconds() -> None:
    points = poses(40)
    points[[3, 4, 20, 21, 22, 39], :, 2] = 0
    assert measured(points).gap == pytest.approx(0.3)
    points[30:, :, 2] = 0
    assert measured(points).gap == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((20, 0.0, 2.0, 0.1), ["no body is found in any frame"]),
        ((20, 0.8, 0.2, 0.7), ["a body is found in 80% of the frames, less than 90%"]),
        ((99, 0.95, 0.6, 0.7), ["no body is found for 0.60 seconds in a row, more than 0.50"]),
        ((20, 1.0, 0.0, 0.4), ["the mean score is 0.40, less than 0.50"]),
        ((20, 0.5, 1.0, 0.3), ["a body is found", "no body is found", "the mean score"]),
        ((20, 0.9, 0.5, 0.5), []),
    ],
)
def test_reasons_for_rejection(values: tuple[int, float, float, float], expected: list[str]) -> None:
    found = list(rejection_reasons(VideoQuality(*values), Thresholds()))
    assert len(found) == len(expected)
    assert all(fault.startswith(start) for fault, start in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "wrong", [{"joints": 13}, {"found": 1.1}, {"gap": -1.0}, {"confidence": float("nan")}]
)
def test_invalid_thresholds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(wrong))} is"):
        Thresholds(**wrong)


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Videos with a person always, half of the time and never, and a file that is no video."""
    models, folder = tmp_path / "models", tmp_path / "clips"
    models.mkdir()
    write_detector(models / "yolox_l.onnx")
    write_landmarks(models / "dw-ll_ucoco_384.onnx")
    monkeypatch.setenv("ANIMATEX_MODELS", str(models))
    monkeypatch.chdir(tmp_path)
    (folder / "more").mkdir(parents=True)
    somebody, nobody = draw_people(96, 96, (20, 10, 60, 84, "r", 220)), draw_people(96, 96)
    for name, shown in (("all", 8), ("half", 4), ("more/none", 0)):
        frames = [somebody] * shown + [nobody] * (8 - shown)
        write_clip(folder / f"{name}.mp4", frames, fps=FPS, quality=10)
    (folder / "broken.mp4").write_bytes(b"no clip")
    return folder


def report() -> dict[str, Any]:
    return json.loads(Path("screened/screening.json").read_text(encoding="utf-8"))


def screen(clips: Path, *options: str) -> int:
    return main(["benchmark-set", "screen", str(clips), "--out", "screened", *options])


def test_every_clip_is_kept_or_dropped_with_the_reason(
    clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert screen(clips) == 0
    assert "1 of 4 videos are kept" in capsys.readouterr().out
    found = report()
    assert (found["nets"], found["kept"], found["not_screened"]) == ("DWPose", ["all.mp4"], [])
    reasons = {name: verdict["why"] for name, verdict in found["clips"].items()}
    assert reasons["all.mp4"].startswith("a body is found in 100% of the frames")
    assert reasons["half.mp4"].startswith("a body is found in 50% of the frames, less than 90%")
    assert reasons["more/none.mp4"] == "no body is found in any frame"
    assert "is not a readable video" in reasons["broken.mp4"]
    assert found["clips"]["half.mp4"]["measured"]["frames"] == 8


def test_other_thresholds_use_the_cached_poses(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert screen(clips) == 0
    monkeypatch.setattr(PoseExtractor, "from_files", None)  # would be called to search
    assert screen(clips, "--found", "0.4", "--gap", "1", "--confidence", "0.3") == 0
    assert report()["kept"] == ["all.mp4", "half.mp4"]
    assert report()["thresholds"]["gap"] == 1


def test_an_interrupted_screening_resumes(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, searched = PoseFinder._detect, []

    def interrupted(finder: PoseFinder, clip: Any, progress: Any) -> PoseSequence:
        searched.append(clip.path.name)
        if len(searched) == 2:
            raise KeyboardInterrupt
        return found(finder, clip, progress)

    monkeypatch.setattr(PoseFinder, "_detect", interrupted)
    assert screen(clips) == 130
    assert set(report()["clips"]) == {"all.mp4", "broken.mp4"}
    assert report()["not_screened"] == ["half.mp4", "more/none.mp4"]
    assert screen(clips) == 0
    assert searched == ["all.mp4", "half.mp4", "half.mp4", "none.mp4"]
    assert report()["not_screened"] == []


def test_a_changed_clip_is_processed_again(clips: Path) -> None:
    assert screen(clips) == 0
    (clips / "all.mp4").write_bytes((clips / "more" / "none.mp4").read_bytes())
    assert screen(clips) == 0
    assert report()["kept"] == []


def test_the_small_models_can_be_selected(clips: Path) -> None:
    assert screen(clips, "--pose-nets", "small") == 0
    assert report()["nets"] == "the small nets"


@pytest.mark.parametrize(
    ("folder", "options", "expected"),
    [
        ("gone", [], "does not exist"),
        ("models", [], "contains no videos"),
        ("clips", ["--found", "2"], "found is 2"),
    ],
)
def test_the_command_reports_errors(
    clips: Path, capsys: pytest.CaptureFixture[str], folder: str, options: list[str], expected: str
) -> None:
    assert screen(clips.parent / folder, *options) == 2
    assert expected in capsys.readouterr().err
    assert not Path("screened").exists()
