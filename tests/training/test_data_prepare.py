"""Selection of videos, parts, crops and poses; the whole command is in tests/cli/test_prepare.py."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import POINTS, PoseSequence, seen
from animatex_core.training.data.selection import Crop, person_segments
from animatex_core.training.data.settings import PrepareSettings
from animatex_core.training.data.sources import Source, find_sources


def poses_of(shown: str) -> PoseSequence:
    """One frame per character: x is a whole person in the middle, - is nobody, h is a head."""
    points = np.zeros((len(shown), POINTS, 3), np.float32)
    for frame, what in enumerate(shown):
        if what == "x":
            points[frame] = (0.5, 0.5, 1)
        elif what == "h":
            points[frame, [0, 14, 15, 16, 17]] = (0.5, 0.5, 1)
    return PoseSequence.from_points(points, 100, 100, 24)


@pytest.mark.parametrize(
    ("shown", "stride", "expected"),
    [
        ("xxxx", 1, [range(4)]),
        ("--xxxxx-", 1, [range(2, 7)]),
        ("xx---xx", 1, [range(7)]),  # a short gap
        ("xxxx----xxxxx", 1, [range(4), range(8, 13)]),
        ("xxx----xxxx", 1, [range(7, 11)]),  # one run is too short
        ("xxxxhhhhhxx", 1, [range(4)]),  # a head alone does not count
        ("x" * 8, 1, [range(8)]),
        ("x" * 9, 1, [range(4), range(4, 9)]),
        ("x" * 20, 1, [range(6), range(6, 13), range(13, 20)]),
        ("-xxxxxxxxx", 2, [range(2, 9, 2)]),
        ("xxxxxxxxxx", 2, [range(0, 9, 2)]),
    ],
)
def test_parts_show_a_person_and_are_neither_short_nor_long(
    shown: str, stride: int, expected: list[range]
) -> None:
    assert person_segments(poses_of(shown), stride, least=4, most=8) == expected


@pytest.mark.parametrize(
    ("shown", "message"),
    [("----", "in 0 of 4 frames"), ("xxx----xxx", "in 6 of 10 frames, 3 of them in a row, but 4")],
)
def test_a_clip_without_such_a_part_is_refused(shown: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        person_segments(poses_of(shown), 1, least=4, most=8)


def person_at(x: float, y: float) -> PoseSequence:
    points = np.zeros((3, POINTS, 3), np.float32)
    points[:, :20] = (x, y, 1)
    points[:, 0] = (0.99, 0.01, 1)  # a stray hand
    return PoseSequence.from_points(points, 100, 100, 24)


@pytest.mark.parametrize(
    ("size", "place", "aspect", "box"),
    [
        ((300, 100), (0.5, 0.5), 1.0, (100, 0, 200, 100)),
        ((300, 100), (0.1, 0.5), 1.0, (0, 0, 100, 100)),
        ((300, 100), (0.95, 0.5), 1.0, (200, 0, 300, 100)),
        ((100, 300), (0.5, 0.4), 1.0, (0, 70, 100, 170)),
        ((105, 100), (0.9, 0.5), 1.0, (0, 0, 105, 100)),  # nearly that aspect ratio
        ((64, 96), (0.9, 0.5), 2 / 3, (0, 0, 64, 96)),
    ],
)
def test_frames_are_cropped_around_the_person(
    size: tuple[int, int], place: tuple[float, float], aspect: float, box: tuple[int, int, int, int]
) -> None:
    crop = Crop.around(person_at(*place), *size, aspect)
    assert (crop.left, crop.top, crop.right, crop.bottom) == box
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    assert crop.image(frame).shape[:2] == (box[3] - box[1], box[2] - box[0])


def test_poses_are_cropped_like_the_frames() -> None:
    poses = person_at(0.4, 0.5)
    cut = Crop.around(poses, 300, 100, 1.0).poses(poses)
    np.testing.assert_allclose(cut.body[:, 1], [[0.5, 0.5, 1]] * 3, atol=1e-6)
    assert not seen(cut.body[:, 0]).any()
    assert (cut.width, cut.height, cut.fps) == (100, 100, 24)


def test_the_split_depends_only_on_names_and_seed() -> None:
    sources = [Source(Path("a"), f"{number}.mp4") for number in range(2000)]
    splits = [source.split(0.1, 0) for source in sources]
    assert 150 < splits.count("validation") < 250
    assert splits == [Source(Path("elsewhere"), source.name).split(0.1, 0) for source in sources]
    assert splits != [source.split(0.1, 1) for source in sources]
    assert {source.split(0, 0) for source in sources} == {"train"}


def test_videos_are_found_in_subfolders(tmp_path: Path) -> None:
    for name in ("b.MP4", "a/c.mov", "a/notes.txt", "a/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [source.name for source in find_sources(tmp_path)] == ["a/c.mov", "b.MP4"]
    (tmp_path / "a/c.webm").touch()
    with pytest.raises(InvalidInput, match=r"share a/c\.json"):
        find_sources(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 100}, "width is 100"),
        ({"least": 20, "most": 39}, "at least 40"),
        ({"stride": 0}, "stride is 0"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"validation": 1.0}, "validation is 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PrepareSettings(**values)


@pytest.mark.parametrize(("clip_fps", "stride"), [(24, 2), (30, 2), (60, 5), (8, 1), (1000 / 33, 3)])
def test_a_rate_gives_the_nearest_stride(clip_fps: float, stride: int) -> None:
    fps = {2: 15.0, 5: 12.0, 1: 12.0, 3: 12.0}[stride]
    assert PrepareSettings(fps=fps).stride_at(clip_fps) == stride
