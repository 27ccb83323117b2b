"""Folders of pose files and numbered frames: what is missing stays missing, two videos are never mixed."""

import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.formats.reader import poses_from_openpose, read_poses
from animatex_core.pose.keypoints import PoseSequence, seen
from tests.pose.dialect_files import alphapose, coco, mmpose, openpose, true_dance

TRUE = true_dance()
SIZE = (TRUE.width, TRUE.height)
OPENPOSE = "clip_{:012d}_keypoints.json"


def write(folder: Path, numbers: Iterable[int], name: str = OPENPOSE, first: int = 0) -> Path:
    """Write the frames of the dance; the frame i has the number first + i."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = openpose(TRUE)
    for number in numbers:
        (folder / name.format(number)).write_text(json.dumps(frames[number - first]))
    return folder


def quietly(path: Path, frames: int | None = None) -> PoseSequence:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_poses(path, frames=frames)


def assert_true(poses: PoseSequence, shown: Iterable[int], start: int = 0) -> None:
    """Check that these frames of the dance are in place and the others show nobody; start: the first."""
    found = seen(poses.body).any(axis=1)
    assert np.flatnonzero(found).tolist() == [frame - start for frame in shown]
    for frame in shown:
        away = poses.body[frame - start, :18, :2] - TRUE.body[frame, :18, :2]
        assert np.abs(away * SIZE).max() < 1


@pytest.mark.parametrize(
    "name",
    [
        OPENPOSE,
        "{:04d}.json",
        "frame_{}.JSON",
        "dance.mp4_{:03d}_pose.json",
        "2 clips 7-{:05d}.json",
        "frame_{:04d}_pose2d.json",
        "{}_720p.json",
        "frame{:02d}_person0_v2.json",
    ],
)
def test_names_of_frames(tmp_path: Path, name: str) -> None:
    write(tmp_path, range(12), name)
    assert_true(quietly(tmp_path), range(12))


@pytest.mark.parametrize("missing", [{3, 4, 5}, {7}, {0}, {0, 1}, {1, 2, 9}])
@pytest.mark.parametrize("name", [OPENPOSE, "frame_{:04d}.json"])
def test_gaps_stay_gaps(tmp_path: Path, missing: set[int], name: str) -> None:
    there = sorted(set(range(12)) - missing)
    write(tmp_path, there, name)
    with pytest.warns(AnimateXWarning, match=r"has no poses for frames? .*: nobody is shown there") as caught:
        poses = read_poses(tmp_path, frames=12)
    assert len(poses) == 12
    assert_true(poses, there)
    numbers = [
        range(int(a), int(b or a) + 1)
        for a, b in re.findall(r"(\d+)(?: to (\d+))?[,:]", str(caught[0].message))
    ]
    assert {number for run in numbers for number in run} == missing


def test_openpose_numbers_are_of_frames_however_few_there_are(tmp_path: Path) -> None:
    write(tmp_path, [0, 5, 11])
    with pytest.warns(AnimateXWarning, match="frames 1 to 4, 6 to 10:"):
        assert_true(read_poses(tmp_path), [0, 5, 11])


@pytest.mark.parametrize("frames", [None, 12])
def test_frames_that_are_counted_from_1(tmp_path: Path, frames: int | None) -> None:
    write(tmp_path, range(1, 13), "{:05d}.json", first=1)
    assert_true(quietly(tmp_path, frames), range(12))


def test_frames_of_a_cut_begin_with_its_first(tmp_path: Path) -> None:
    write(tmp_path, range(1001, 1013), "shot.{:04d}.json", first=1001)
    with pytest.warns(
        AnimateXWarning, match="start at number 1001, which is assumed to be the video's first frame"
    ):
        assert_true(read_poses(tmp_path, frames=12), range(12))


def test_few_numbers_far_apart_are_an_order_alone(tmp_path: Path) -> None:
    write(tmp_path, [1, 2, 10], "photo{}.json")
    with pytest.warns(
        AnimateXWarning, match="3 frames in .* are numbered from 1 to 10 with most numbers missing"
    ):
        poses = read_poses(tmp_path)
    np.testing.assert_allclose(poses.body[:, :18, :2], TRUE.body[[1, 2, 10], :18, :2], atol=1e-4)


def test_two_videos_in_a_folder_are_distinguished(tmp_path: Path) -> None:
    for clip in ("walk", "jump 2"):
        write(tmp_path, range(12), clip + "_{:012d}_keypoints.json")
    with pytest.raises(
        InvalidInput,
        match="contains poses of 2 videos ('jump 2', 'walk')".replace("(", r"\(").replace(")", r"\)"),
    ) as error:
        read_poses(tmp_path)
    assert str(tmp_path / "jump 2") in str(error.value)
    for chosen in ("walk", "walk_", "walk_*.json", "jump 2"):
        assert_true(quietly(tmp_path / chosen), range(12))
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_poses(tmp_path / "run")
    with pytest.raises(InvalidInput, match="2 videos"):
        read_poses(tmp_path / "*_keypoints.json")


def test_hidden_files_are_no_frames(tmp_path: Path) -> None:
    write(tmp_path, range(12))
    for name in (
        "._clip_000000000003_keypoints.json",
        ".DS_Store",
        "._.DS_Store",
        "Thumbs.db",
        ".hidden.json",
    ):
        (tmp_path / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    assert_true(quietly(tmp_path), range(12))


def test_files_without_a_number_beside_frames_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, range(12))
    (tmp_path / "settings.json").write_text('{"model_pose": "BODY_25"}')
    with pytest.warns(
        AnimateXWarning, match=r"1 files in .* without a frame number .* such as settings.json"
    ):
        assert_true(read_poses(tmp_path), range(12))


def test_a_folder_of_whole_videos_is_rejected(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"dance{number}.json").write_text(json.dumps(openpose(TRUE)))
    with pytest.raises(
        InvalidInput, match=r"dance1\.json has 12 frames, but a folder must have one file per frame"
    ):
        read_poses(tmp_path)


def test_frames_of_a_folder_may_show_nobody_or_several_people(tmp_path: Path) -> None:
    write(tmp_path, range(12))
    (tmp_path / OPENPOSE.format(4)).write_text("[]")
    (tmp_path / OPENPOSE.format(5)).write_text('{"people": []}')
    people = [{"keypoints": entry["keypoints"], "image_id": "6.jpg"} for entry in alphapose(TRUE)[6:8]]
    (tmp_path / OPENPOSE.format(6)).write_text(json.dumps(people))
    assert_true(read_poses(tmp_path, size=SIZE), [0, 1, 2, 3, *range(6, 12)])


@pytest.mark.parametrize("form", ["alphapose", "mmpose", "coco", "by name"])
def test_gaps_within_a_file(form: str) -> None:
    there = [0, 1, 2, 6, 7, 8, 9, 10, 11]
    data = {
        "alphapose": [entry for i, entry in enumerate(alphapose(TRUE)) if i in there],
        "mmpose": [entry for i, entry in enumerate(mmpose(TRUE)) if i in there],
        "coco": {"annotations": [each for i, each in enumerate(coco(TRUE)["annotations"]) if i in there]}
        | {"images": coco(TRUE)["images"]},
        "by name": {f"f{i}": frame for i, frame in enumerate(openpose(TRUE)) if i in there},
    }[form]
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        poses = poses_from_openpose(data, size=SIZE)
    assert len(poses) == 12
    assert_true(poses, there)


def test_images_of_two_folders_are_not_mixed() -> None:
    entries = [
        entry | {"image_id": f"{'ab'[i % 2]}/{i // 2:04d}.jpg"} for i, entry in enumerate(alphapose(TRUE))
    ]
    with pytest.raises(InvalidInput, match=r"contains poses of 2 videos \('a', 'b'\)"):
        poses_from_openpose(entries, size=SIZE)


def test_unlike_frames_of_one_name_keep_their_order() -> None:
    frames = [frame | {"image_id": "dance.mp4"} for frame in openpose(TRUE)]
    assert_true(poses_from_openpose(frames), range(12))
