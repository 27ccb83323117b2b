"""OpenPose JSON in the dialects found in practice, and writing it."""

import json
import re
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from animatex_core.errors import AnimateXWarning, InvalidInput, StorageError
from animatex_core.pose.formats.reader import (
    openpose_from_poses,
    poses_from_openpose,
    read_poses,
    write_poses,
)
from animatex_core.pose.keypoints import FACE, HANDS, JOINT, POINTS, PoseSequence, seen
from tests.support.peak_memory import linux, measured

BODY = [[10.0 + 3 * i, 20.0 + 5 * i, 0.5] for i in range(18)]  # point i at (10 + 3i, 20 + 5i)


def flat(points: list) -> list:
    return [value for point in points for value in point]


def person(**parts: Any) -> dict:
    return {"pose_keypoints_2d": flat(BODY), **parts}


def frame(*people: Any, **more: Any) -> dict:
    return {"people": list(people), "canvas_width": 100, "canvas_height": 200, **more}


def read(data: object, **arguments: Any) -> PoseSequence:
    """Read without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return poses_from_openpose(data, **arguments)


def assert_is_body(poses: PoseSequence, scale: float = 1.0) -> None:
    expected = np.array(BODY)[:, :2] / (100, 200) * scale
    np.testing.assert_allclose(poses.body[0, :18, :2], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        frame(person()),
        [frame(person())],
        [[frame(person())]],
        ([(frame(person()),)],),
        {"frames": [frame(person())], "fps": 24},
        frame(person(pose_keypoints_2d=BODY)),
        frame(person(pose_keypoints_2d=flat([point[:2] for point in BODY]))),
        frame(person(pose_keypoints_2d=[point[:2] for point in BODY])),
        frame(person(pose_keypoints_2d=np.array(BODY))),
        frame({"pose_keypoints": flat(BODY), "hand_left_keypoints": []}),
        frame(person(face_keypoints_2d=None, hand_left_keypoints_2d=[], foot_keypoints_2d=[None] * 6)),
        frame(person(pose_keypoints_2d=flat([[x / 100, y / 200, c] for x, y, c in BODY]))),
        {"people": [person()], "width": 100, "height": 200},
        frame(person(), canvas_width=100.0),
    ],
)
def test_dialects_of_one_pose(data: object) -> None:
    poses = read(data)
    assert_is_body(poses)
    assert (len(poses), poses.width, poses.height, poses.fps) == (1, 100, 200, None)
    assert not poses.hands.any()
    assert not poses.body[0, 18:].any()


def test_scores_and_missing_points_are_kept() -> None:
    points = [None, *BODY[1:17], [5, 5, 0.0]]
    poses = read(frame(person(pose_keypoints_2d=points)), fps=25)
    np.testing.assert_array_equal(poses.body[0, :18, 2], [0, *[0.5] * 16, 0])
    assert poses.fps == 25


def test_coco_17_gets_a_neck_between_its_shoulders() -> None:
    coco = [[float(i), 100.0 + i, 1.0] for i in range(1, 18)]
    body = read(frame(person(pose_keypoints_2d=flat(coco)))).body[0]
    places = {name: body[JOINT[name], 0] * 100 for name in JOINT}
    expected = {
        "nose": 1,
        "left_eye": 2,
        "right_ear": 5,
        "left_shoulder": 6,
        "right_wrist": 11,
        "left_hip": 12,
        "right_ankle": 17,
        "neck": 6.5,
        "left_toe": 0,
    }
    assert {name: pytest.approx(places[name]) for name in expected} == expected


def test_body_25_loses_its_mid_hip_and_keeps_its_toes() -> None:
    points = [[float(i), 100.0 + i, 1.0] for i in range(1, 26)]
    body = read(frame(person(pose_keypoints_2d=flat(points)))).body[0]
    places = {name: body[JOINT[name], 0] * 100 for name in JOINT}
    expected = {
        "left_wrist": 8,
        "right_hip": 10,
        "left_ankle": 15,
        "left_ear": 19,
        "left_toe": 20.5,
        "right_toe": 23.5,
    }
    assert {name: pytest.approx(places[name]) for name in expected} == expected


@pytest.mark.parametrize(
    ("feet", "left", "right"),
    [
        ([[10, 20, 1], [30, 40, 0.9]], (0.1, 0.1, 1), (0.3, 0.2, 0.9)),
        (
            [[10, 20, 1], [20, 30, 0.8], [0, 0, 1], [40, 20, 1], [50, 30, 0.2], [0, 0, 1]],
            (0.15, 0.125, 0.8),
            (0, 0, 0),
        ),
    ],
)
def test_feet_have_one_toe_or_three_points(feet: list, left: tuple, right: tuple) -> None:
    body = read(frame(person(foot_keypoints_2d=flat(feet)))).body[0]
    np.testing.assert_allclose(body[JOINT["left_toe"]], left, rtol=1e-6)
    np.testing.assert_allclose(body[JOINT["right_toe"]], right, rtol=1e-6)


@pytest.mark.parametrize("count", [68, 70])
def test_faces_with_and_without_pupils(count: int) -> None:
    face = [[float(i % 90 + 1), 3.0, 1.0] for i in range(count)]
    poses = read(frame(person(face_keypoints_2d=flat(face), hand_right_keypoints_2d=flat(face[:21]))))
    np.testing.assert_allclose(poses.face[0, :, 0] * 100, np.arange(1, 69), rtol=1e-6)
    assert seen(poses.hands[0]).any(axis=1).tolist() == [False, True]


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("face_keypoints_2d", (1, 51, 56, 67, 69, 71, 98, 106, 468)),
        ("hand_left_keypoints_2d", (1, 20, 22, 42)),
        ("hand_right_keypoints_2d", (20, 22)),
        ("foot_keypoints_2d", (1, 3, 7)),
    ],
)
def test_a_part_of_an_unknown_number_of_points_is_left_out_alone(key: str, counts: tuple[int, ...]) -> None:
    hand = flat([[float(i + 20), 30.0, 1.0] for i in range(21)])
    whole = person(hand_left_keypoints_2d=hand, hand_right_keypoints_2d=hand)
    for count in counts:
        data = [frame(whole), frame(whole | {key: [50.0, 60.0, 1.0] * count})]
        with pytest.warns(AnimateXWarning, match=rf"^1 parts .* frame 1 of clip has in {key}") as caught:
            poses = poses_from_openpose(data, source="clip")
        assert len(caught) == 1
        assert caught[0].filename == __file__
        assert_is_body(poses.select([1]))
        without = poses_from_openpose([frame(whole), frame(whole | {key: None})])
        np.testing.assert_array_equal(poses.points, without.points)


def test_a_body_of_an_unknown_number_of_points_leaves_the_hands() -> None:
    hand = flat([[float(i + 20), 30.0, 1.0] for i in range(21)])
    with pytest.warns(AnimateXWarning, match="pose_keypoints_2d 57 numbers"):
        poses = poses_from_openpose(frame({"pose_keypoints_2d": [9.0] * 57, "hand_left_keypoints_2d": hand}))
    assert seen(poses.hands[0]).all(axis=1).tolist() == [True, False]
    assert not seen(poses.body).any()


def test_frames_with_nobody_have_missing_points() -> None:
    poses = read([frame(), frame(person()), frame(people=None), {"people": []}])
    assert seen(poses.body).any(axis=1).tolist() == [False, True, False, False]


def test_each_frame_may_have_a_canvas_of_its_own() -> None:
    poses = read([frame(person()), frame(person(), canvas_width=200, canvas_height=400)])
    np.testing.assert_allclose(poses.body[1, 0, :2] * 2, poses.body[0, 0, :2], rtol=1e-6)
    assert (poses.width, poses.height) == (100, 200)


def test_parts_or_pixels_is_decided_over_the_whole_file() -> None:
    corner = person(pose_keypoints_2d=flat([[0.5, 0.5, 1.0]] * 18))
    pixels = read([frame(corner), frame(person()), frame(person())])
    np.testing.assert_allclose(pixels.body[0, 0, :2], (0.005, 0.0025))
    outlier = person(pose_keypoints_2d=flat([[0.5, 0.5, 1.0]] * 17 + [[9.0, 0.5, 1.0]]))
    parts = read([frame(corner)] * 3 + [frame(outlier)])
    np.testing.assert_allclose(parts.body[0, 0, :2], (0.5, 0.5))


def moved(right: float, size: float = 1.0, score: float = 1.0) -> dict:
    return person(pose_keypoints_2d=flat([[x * size + right, y * size, score] for x, y, _ in BODY]))


@pytest.mark.parametrize(
    ("rule", "chosen"), [("best", 1), ("largest", 2), ("leftmost", 0), (0, 0), (1, 1), (2, 2)]
)
def test_one_person_is_chosen(rule: Any, chosen: int) -> None:
    people = [moved(-5, 0.5, 0.8), moved(20, 0.5, 1.0), moved(30, 1.0, 0.9)]
    several = [frame(person(pose_keypoints_2d=[0] * 54), *people)]
    expected = pytest.warns(AnimateXWarning, match="Up to 3 people") if rule == "best" else nullcontext()
    with expected:
        poses = poses_from_openpose(several, source="clip", person=rule)
    alone = read(frame(people[chosen]))
    np.testing.assert_array_equal(poses.body, alone.body)


def test_a_person_who_is_in_no_frame_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="person is 2, but no frame of the poses shows more than 2 people"):
        read([frame(), frame(moved(0), moved(200))], person=2)


def test_a_chosen_person_is_followed_where_the_order_changes() -> None:
    frames = [frame(moved(200 + i), moved(i)) for i in range(3)]
    poses = read([frame(moved(0), moved(200)), *frames], person="leftmost")
    assert (poses.body[:, 0, 0] < 0.5).all()


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf"), 1e12])
@pytest.mark.parametrize("at", [3, 4, 5])
def test_impossible_numbers_become_missing_points(bad: float | None, at: int) -> None:
    points: list = flat(BODY)
    points[at] = bad
    with pytest.warns(AnimateXWarning, match=r"^1 points of clip .* \(first in frame 1\)") as caught:
        poses = poses_from_openpose([frame(person()), frame({"pose_keypoints_2d": points})], source="clip")
    assert seen(poses.body[1]).sum() == 17
    assert caught[0].filename == __file__


def test_an_unknown_canvas_is_guessed_or_given() -> None:
    alone = {"version": 1.3, "people": [{"person_id": [-1], **person()}]}
    with pytest.warns(AnimateXWarning, match="61 x 105 pixels"):
        assert (guessed := poses_from_openpose(alone)).height == 105
    assert guessed.body[0, 17, :2].max() <= 1
    assert_is_body(read(alone, size=(100, 200)))
    with pytest.warns(AnimateXWarning, match="512 x 768 pixels"):
        poses_from_openpose({"people": [{"pose_keypoints_2d": [0.5] * 54}]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no frames in clip"),
        (None, "frame 0 of clip is not an OpenPose frame"),
        ("poses", "frame 0 of clip is not an OpenPose frame"),
        ([frame(), 3], "frame 1 of clip is not an OpenPose frame"),
        ([{"animals": []}], "frame 0 of clip is not an OpenPose frame"),
        (frame(people=3), "frame 0 of clip has people of type int"),
        (frame(person(), None), "frame 0 of clip has a person that is null"),
        (frame([1, 2]), "frame 0 of clip has a person that is of type list"),
        (frame(person(pose_keypoints_2d=[1.0] * 53)), "clip has in pose_keypoints_2d 53 numbers, .* 25"),
        (frame(person(face_keypoints_2d=[[1.0, 2.0, 1.0], [1.0]])), "face_keypoints_2d values that"),
        (frame(person(face_keypoints_2d="none")), "face_keypoints_2d values that"),
        (frame(person(face_keypoints_2d={"x": 1})), "face_keypoints_2d values that"),
        (frame({"foot_keypoints_2d": 7}), "foot_keypoints_2d 1 numbers, .* 2 or 6 points"),
        (frame({"hand_left_keypoints_2d": [1.0] * 60}), "hand_left_keypoints_2d 60 numbers, .* 21 points"),
        (frame(person(pose_keypoints_2d=[10**400] * 54)), "pose_keypoints_2d values that"),
        (frame(person(), canvas_width="wide"), "canvas_width in frame 0 of clip is 'wide'"),
        (frame(person(), canvas_height=-1), "canvas_height in frame 0 of clip is -1"),
    ],
)
def test_invalid_poses_are_rejected_in_one_sentence(data: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        poses_from_openpose(data, source="clip")
    assert str(error.value).count(". ") == 0


def test_an_unknown_rule_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="person is 'tallest'"):
        poses_from_openpose(frame(), person="tallest")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "dance.json are not JSON"),
        (b'[{"people": [', "dance.json are not JSON"),
        (b"\xff\xfe\x00", "dance.json are not JSON"),
        (b"[" * 100_000, "dance.json are not JSON"),
        (b"[]", r"There are no frames in .*dance\.json:"),
    ],
)
def test_files_that_are_no_poses(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "dance.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        read_poses(tmp_path / "dance.json")


MANY = {
    "people of nothing": (b'{"people":[' + b"{}," * 99_999 + b"{}]}", ""),
    "people without parts": (b'{"people":[' + b'{"pose_keypoints_2d":[]},' * 50_000 + b"{}]}", ""),
    "people with a point": (
        b'{"people":[' + (b'{"pose_keypoints_2d":[9,9' + b",0" * 32 + b"]},") * 9_999 + b"{}]}",
        "",
    ),
    "too many people": (b'{"people":[' + b"{}," * 100_000 + b"{}]}", "more than 100,000 people"),
    "too many lists": (b"[" * 10 + b"[]," * 3_000_000, "too large"),
    "too many frames": (b"[" + b'{"people":0},' * 200_000 + b'{"people":0}]', "more than 200,000 frames"),
    "points": (b'{"people":[{"pose_keypoints_2d":[' + b"1," * 5_000_000 + b"1]}]}", "5000001 numbers"),
    "side": (
        b'{"people":[],"canvas_width":1' + b"0" * 4000 + b',"canvas_height":1}',
        "the maximum is",
    ),
    "depth": (b"[" * 300 + b"]" * 300, "are not JSON"),
}


@linux
@pytest.mark.parametrize("content", MANY)
def test_small_files_take_little_memory(tmp_path: Path, content: str) -> None:
    data, message = MANY[content]
    (tmp_path / "dance.json").write_bytes(data)
    call = measured("animatex_core.pose.formats.reader", "read_poses", tmp_path / "dance.json")
    assert bool(call.raised) == bool(message)
    assert re.search(message, call.message)
    assert len(call.message) < 500
    assert call.peak < (100 << 20) + 50 * len(data)


@linux
def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "dance.json").open("wb") as file:
        file.truncate(8 << 30)
    call = measured("animatex_core.pose.formats.reader", "read_poses", tmp_path / "dance.json")
    assert "too large" in call.message
    assert call.peak < 400 << 20


def test_poses_that_contain_themselves_are_rejected() -> None:
    endless: list = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="not an OpenPose frame"):
        poses_from_openpose(endless)


def test_the_bounds_hold_for_the_data_of_other_nodes() -> None:
    with pytest.raises(InvalidInput, match="more than 100,000 people"):
        poses_from_openpose([frame(*[{}] * 100_001)])
    with pytest.raises(InvalidInput, match="more than 200,000 frames"):
        poses_from_openpose([frame()] * 200_001)


def test_missing_files_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.json cannot be read \(No such file"):
        read_poses(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match=r"contains no \.json files"):
        read_poses(tmp_path)


def test_a_folder_of_frames_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        content = json.dumps({"people": [moved(number)]}).encode()
        (tmp_path / f"dance_{number}_keypoints.json").write_bytes(b"\xef\xbb\xbf" + content)
    poses = read_poses(tmp_path, size=(100, 200), fps=30)
    np.testing.assert_allclose(poses.body[:, 0, 0], [0.11, 0.12, 0.2], rtol=1e-6)


points_of_clips = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.just(POINTS), st.just(3)),
    elements=st.floats(-0.5, 1.5, width=32),
    fill=st.floats(0, 1, width=32),
)


@given(points_of_clips, st.integers(16, 5000), st.integers(16, 5000))
def test_a_round_trip_keeps_places_and_visibility(points: np.ndarray, width: int, height: int) -> None:
    points[..., 2] = abs(points[..., 2])
    points[0, :10] = (0.5, 0.5, 1)
    poses = PoseSequence.from_points(points, width, height)
    written = json.loads(json.dumps(openpose_from_poses(poses)))
    again = read(written)
    np.testing.assert_array_equal(again.points[..., 2], seen(poses.points))
    np.testing.assert_array_equal(
        again.points[..., :2], np.where(seen(points)[..., None], points[..., :2], 0)
    )
    assert (again.width, again.height) == (width, height)


def test_what_is_written_is_what_comfyui_packs_expect() -> None:
    poses = read(frame(person(foot_keypoints_2d=[10, 20, 1, 30, 40, 1])))
    (written,) = openpose_from_poses(poses.select([0]))
    (one,) = written["people"]
    assert {key: len(values) for key, values in one.items()} == {
        "pose_keypoints_2d": 54,
        "foot_keypoints_2d": 18,
        "face_keypoints_2d": 210,
        "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63,
    }
    assert one["pose_keypoints_2d"][3:6] == [13, 25, 1]
    assert one["foot_keypoints_2d"][9:15] == [30, 40, 1, 30, 40, 1]
    assert (written["canvas_width"], written["canvas_height"]) == (100, 200)


def test_files_are_written_whole(tmp_path: Path) -> None:
    poses = read([frame(person()), frame()])
    write_poses(tmp_path / "new" / "dance.json", poses)
    assert json.loads((tmp_path / "new" / "dance.json").read_bytes()) == openpose_from_poses(poses)
    write_poses(tmp_path / "none.json", poses.select([]))
    assert json.loads((tmp_path / "none.json").read_bytes()) == []
    with pytest.raises(StorageError, match="is a directory"):
        write_poses(tmp_path, poses)


def test_hands_lie_where_the_skeleton_has_them() -> None:
    left = [[50.0, 50.0, 1.0]] * 21
    poses = read(frame({"hand_left_keypoints_2d": flat(left)}))
    assert seen(poses.points[0])[HANDS[0]].all()
    assert not seen(poses.points[0])[FACE].any()


def test_missing_points_of_many_frames_take_little_memory() -> None:
    """A file with 13 bytes per frame becomes keypoints with 390 numbers per frame."""
    (frame,) = openpose_from_poses(PoseSequence.empty(1, 10, 10))
    numbers = [value for part in frame["people"][0].values() for value in part]
    assert len({id(value) for value in numbers}) == 1


@pytest.mark.parametrize(
    "frame",
    [
        {"people": np.zeros((2, 18, 3))},
        {"people": np.zeros(0)},
        {"people": [], "canvas_width": np.ones(2), "canvas_height": 5},
    ],
)
def test_arrays_of_other_programs_are_rejected_in_one_sentence(frame: dict) -> None:
    with pytest.raises(InvalidInput, match="frame 0 of the poses"):
        poses_from_openpose([frame])
