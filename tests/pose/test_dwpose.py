import gc
import os
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import CheckpointError, InvalidInput
from animatex_core.pose.cache import PoseCache, digest_frames
from animatex_core.pose.dwpose import DWPose, FrameSource, find_poses
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.keypoints import seen
from tests.pose.onnx_files import draw_people, write_detector, write_landmarks

FRAMES = [draw_people(96, 64, (10 + i, 10, 40 + i, 80, "r", 200)) for i in range(3)]

SMALL = DWPose(device="cpu")


def shots(frames: list[np.ndarray] = FRAMES, fps: float | None = 12.0) -> FrameSource:
    return FrameSource(digest_frames(frames), lambda: iter(frames), len(frames), fps)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("nets")
    return write_detector(folder / "detector.onnx"), write_landmarks(folder / "landmarks.onnx")


def test_poses_are_found_with_the_files(tmp_path: Path, files: tuple[Path, Path]) -> None:
    found = find_poses(DWPose(*files, device="cpu"), shots(), PoseCache(tmp_path))
    assert found.sentence == "A person was found in 3 of 3 frames, detected by DWPose on CPU."
    assert (len(found.poses), found.poses.width, found.poses.height, found.poses.fps) == (3, 64, 96, 12.0)


def test_without_files_the_small_models_find_them(tmp_path: Path) -> None:
    found = find_poses(SMALL, shots(), PoseCache(tmp_path))
    assert found.sentence == "A person was found in 3 of 3 frames, detected by the small nets on CPU."
    again = SMALL.open().extract(FRAMES)
    np.testing.assert_array_equal(found.poses.points, again.points)


def test_a_file_may_be_joined_by_a_built_in_model(files: tuple[Path, Path]) -> None:
    poses = replace(SMALL, landmarks=files[1]).open().extract(FRAMES)
    assert seen(poses.body).all()
    assert len(replace(SMALL, detector=files[0]).open().extract(FRAMES)) == 3


def test_the_same_frames_are_not_processed_twice(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dwpose = DWPose(*files, device="cpu")
    first = find_poses(dwpose, shots(), PoseCache(tmp_path))

    def forbidden(*_: object) -> Iterator[np.ndarray]:
        raise AssertionError

    monkeypatch.setattr(PoseExtractor, "from_files", forbidden)
    again = find_poses(dwpose, FrameSource(shots().content, forbidden, fps=None), PoseCache(tmp_path))
    np.testing.assert_array_equal(again.poses.points, first.poses.points)
    assert again.sentence == "A person was found in 3 of 3 frames, loaded from the cache."
    assert again.poses.fps is None


def test_the_models_are_released_after_detection(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[weakref.ref[PoseExtractor]] = []
    from_files = PoseExtractor.from_files

    def watched(*asked: Any) -> PoseExtractor:
        extractor = from_files(*asked)
        opened.append(weakref.ref(extractor))
        return extractor

    monkeypatch.setattr(PoseExtractor, "from_files", watched)
    dwpose = DWPose(*files, device="cpu")  # kept alive by its graph while open
    find_poses(dwpose, shots(), PoseCache(tmp_path))
    gc.collect()
    assert [extractor() for extractor in opened] == [None]


@pytest.mark.parametrize(
    "changed",
    [
        lambda cache, models: find_poses(SMALL, shots(FRAMES[:2]), cache),
        lambda cache, models: find_poses(SMALL, shots(FRAMES[::-1]), cache),
        lambda cache, models: find_poses(SMALL, shots(), cache, person="largest"),
        lambda cache, models: find_poses(SMALL, shots(), cache, detect_every=2),
        lambda cache, models: find_poses(SMALL, shots(), cache, whole_frame=False),
        lambda cache, models: find_poses(replace(SMALL, detector=models[0]), shots(), cache),
        lambda cache, models: find_poses(replace(SMALL, landmarks=models[1]), shots(), cache),
    ],
    ids=["fewer frames", "order", "person", "detect_every", "whole_frame", "detector", "landmarks"],
)
def test_a_change_of_any_dependency_causes_a_new_detection(
    tmp_path: Path, files: tuple[Path, Path], changed: Callable
) -> None:
    cache = PoseCache(tmp_path)
    find_poses(SMALL, shots(), cache)
    assert "detected by" in changed(cache, files).sentence
    assert len(os.listdir(tmp_path)) == 2


def test_the_summary_says_that_no_person_was_found(tmp_path: Path) -> None:
    found = find_poses(SMALL, shots([np.zeros_like(FRAMES[0])] * 3), PoseCache(tmp_path), whole_frame=False)
    assert found.sentence.startswith("No person was found in any of 3 frames, detected by")


def test_a_file_that_is_missing_is_rejected(tmp_path: Path, files: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        find_poses(DWPose(tmp_path / "gone.onnx"), shots(), PoseCache(tmp_path))
    with pytest.raises(CheckpointError, match="is not a file"):
        DWPose(tmp_path / "gone.onnx", files[1]).open()
