"""Poses of other programs: every joint of a real dance is read to within a pixel."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose, read_poses
from animatex_core.pose.keypoints import HANDS, JOINT, PoseSequence, seen
from tests.pose.dialect_files import (
    LAYOUTS,
    OPENPOSE,
    alphapose,
    alphapose_open,
    changed,
    coco,
    dwpose,
    flat,
    instance,
    json_lines,
    mediapipe,
    mmpose,
    named,
    openpose,
    rows,
    true_dance,
)

TRUE = true_dance()
SIZE = (TRUE.width, TRUE.height)
BODY, FACE = range(18), range(62, 130)
BOTH_HANDS = range(20, 62)
WITHOUT_HEAD = sorted(
    set(BODY) - {JOINT[name] for name in ("left_eye", "right_eye", "left_ear", "right_ear")}
)
EVERYTHING = range(130)
SEEN_IN = {  # points that a layout has; the others are missing
    "Human3.6M": WITHOUT_HEAD,
    "COCO and feet": range(20),
    "BODY_25": range(20),
    "BODY_25B": range(20),
    "Halpe-26": range(20),
    "MediaPipe": range(20),
    "COCO-WholeBody": EVERYTHING,
    "DWPose": EVERYTHING,
    "BODY_135": EVERYTHING,
    "Halpe-136": EVERYTHING,
}


def assert_true(
    poses: PoseSequence, points: Any = BODY, true: PoseSequence = TRUE, pixels: float = 1
) -> None:
    """Check that these points are in place and no other point is visible."""
    points = list(points)
    assert (len(poses), poses.width, poses.height) == (len(true), *SIZE)
    found = seen(poses.points)
    assert found[:, points].all()
    assert not np.delete(found, points, axis=1).any()
    away = (poses.points - true.points)[:, points, :2] * SIZE
    assert np.abs(away).max() < pixels


def read(data: object, **arguments: Any) -> PoseSequence:
    """Read without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return poses_from_openpose(data, size=SIZE, **arguments)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    poses = read(openpose(TRUE, LAYOUTS[layout]))
    assert_true(poses, SEEN_IN.get(layout, BODY))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("write", [alphapose, mmpose])
def test_layouts_of_alphapose_and_mmpose(layout: str, write: Callable) -> None:
    assert_true(read(write(TRUE, LAYOUTS[layout])), SEEN_IN.get(layout, BODY))


FORMS: dict[str, tuple[Callable[[], Any], Any]] = {
    "AlphaPose, open": (lambda: alphapose_open(TRUE), BODY),
    "AlphaPose, cmu": (
        lambda: {
            name: {"bodies": [{"joints": person["pose_keypoints_2d"]} for person in frame["people"]]}
            for name, frame in alphapose_open(TRUE).items()
        },
        BODY,
    ),
    "MMPose, predictions": (lambda: {"predictions": [[instance(frame)] for frame in named(TRUE)]}, BODY),
    "MMPose, instance info": (lambda: {"meta_info": {}, "instance_info": mmpose(TRUE)}, BODY),
    "COCO": (lambda: coco(TRUE), EVERYTHING),
    "COCO, without images": (lambda: {"annotations": alphapose(TRUE)}, BODY),
    "COCO results": (lambda: [{**each, "image_id": i} for i, each in enumerate(alphapose(TRUE))], BODY),
    "DWPose": (lambda: dwpose(TRUE), [*BODY, *BOTH_HANDS, *FACE]),
    "MediaPipe holistic": (lambda: mediapipe(TRUE), [*range(20), *BOTH_HANDS]),
    "MediaPipe, lists": (lambda: [frame["poseLandmarks"] for frame in mediapipe(TRUE)], range(20)),
    "MediaPipe tasks": (
        lambda: [{"pose_landmarks": [frame["poseLandmarks"]]} for frame in mediapipe(TRUE)],
        range(20),
    ),
    "MediaPipe messages": (
        lambda: [{"pose_landmarks": {"landmark": frame["poseLandmarks"]}} for frame in mediapipe(TRUE)],
        range(20),
    ),
    "MediaPipe, flat": (
        lambda: [
            {"people": [{"pose_keypoints_2d": flat([list(p.values()) for p in frame["poseLandmarks"]])}]}
            for frame in mediapipe(TRUE)
        ],
        range(20),
    ),
    "by name": (lambda: {f"frame_{i:04d}": frame for i, frame in enumerate(openpose(TRUE))}, BODY),
    "by number, in another order": (
        lambda: dict(sorted({str(i): frame for i, frame in enumerate(openpose(TRUE))}.items())),
        BODY,
    ),
    "by number, from 1": (lambda: {str(i): frame for i, frame in enumerate(openpose(TRUE), 1)}, BODY),
    "by number, people alone": (
        lambda: {str(i): frame["people"] for i, frame in enumerate(openpose(TRUE))},
        BODY,
    ),
    "by number, beside a size": (
        lambda: (
            {"width": TRUE.width, "height": TRUE.height, "version": 1.3}
            | {str(i): {"people": frame["people"]} for i, frame in enumerate(openpose(TRUE))}
        ),
        BODY,
    ),
    "poses within": (lambda: {"fps": 24, "poses": openpose(TRUE)}, BODY),
    "animation within": (lambda: {"animation": {"frames": openpose(TRUE)}}, BODY),
    "size above frames": (
        lambda: {
            "canvas_width": TRUE.width,
            "canvas_height": TRUE.height,
            "frames": [{"people": frame["people"]} for frame in openpose(TRUE)],
        },
        BODY,
    ),
    "size in a pair": (
        lambda: {"size": list(SIZE), "frames": [{"people": each["people"]} for each in openpose(TRUE)]},
        BODY,
    ),
    "size in an object": (
        lambda: {
            "meta": {"width": SIZE[0], "height": float(SIZE[1])},
            "frames": [{"people": each["people"]} for each in openpose(TRUE)],
        },
        BODY,
    ),
    "string": (lambda: json.dumps(openpose(TRUE)), BODY),
    "list of strings": (lambda: [json.dumps(frame) for frame in openpose(TRUE)], BODY),
    "strings within": (lambda: {"poses": json.dumps({"frames": openpose(TRUE)})}, BODY),
    "joints by name": (
        lambda: [
            {"keypoints": {name.replace("_", " ").title(): frame[name] for name in OPENPOSE[::-1]}}
            for frame in named(TRUE)
        ],
        BODY,
    ),
    "points with names, in another order": (
        lambda: [
            [
                {
                    "score": 0.9,
                    "keypoints": [
                        {"name": name, "x": frame[name][0], "y": frame[name][1], "score": 1.0}
                        for name in OPENPOSE[::-1]
                    ],
                }
            ]
            for frame in named(TRUE)
        ],
        BODY,
    ),
    "PoseNet": (
        lambda: [
            {
                "keypoints": [
                    {"part": name, "position": {"x": frame[name][0], "y": frame[name][1]}, "score": 1.0}
                    for name in OPENPOSE[::-1]
                ]
            }
            for frame in named(TRUE)
        ],
        BODY,
    ),
    "joints by name in a person": (
        lambda: [
            {"people": [{"id": 3, "box": [0, 0, 9, 9]} | {name: frame[name] for name in OPENPOSE[::-1]}]}
            for frame in named(TRUE)
        ],
        BODY,
    ),
    "annotations with frames of their own": (
        lambda: {
            "annotations": [
                {"frame": i, "track_id": 1, "keypoints": each["keypoints"]}
                for i, each in enumerate(alphapose(TRUE))
            ]
        },
        BODY,
    ),
    "an order that categories tell": (
        lambda: {
            "categories": [{"keypoints": OPENPOSE[::-1]}],
            "annotations": [
                {"image_id": i, "keypoints": flat(rows(frame, OPENPOSE[::-1]))}
                for i, frame in enumerate(named(TRUE))
            ],
        },
        BODY,
    ),
    "people without a list": (lambda: [frame["people"][0] for frame in openpose(TRUE)], BODY),
    "people with numbers": (
        lambda: [frame["people"][0] | {"frame": i} for i, frame in enumerate(openpose(TRUE))][::-1],
        BODY,
    ),
    "numbers as text": (
        lambda: changed(
            TRUE, lambda rows: rows.astype(str), canvas_width=str(SIZE[0]), canvas_height=f"{SIZE[1]}.0"
        ),
        BODY,
    ),
    "a canvas of floats": (lambda: changed(TRUE, lambda rows: rows, canvas_width=TRUE.width + 0.0004), BODY),
    "parts of the picture": (lambda: changed(TRUE, lambda rows: rows / (*SIZE, 1)), BODY),
    "scores in percent": (lambda: changed(TRUE, lambda rows: rows * (1, 1, 100)), BODY),
    "scores of a byte": (lambda: changed(TRUE, lambda rows: rows * (1, 1, 255)), BODY),
    "visibilities": (lambda: changed(TRUE, lambda rows: np.where([0, 0, 1], 2, rows)), BODY),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    make, points = FORMS[form]
    assert_true(read(make()), points)


def test_several_people_of_an_image_are_of_one_frame() -> None:
    small = TRUE.with_points(np.where([1, 1, 0], TRUE.points / 3, TRUE.points).astype(np.float32))
    for write in (alphapose, mmpose):
        people = [entry for pair in zip(write(small), write(TRUE), strict=True) for entry in pair]
        if write is mmpose:
            people = [
                {"frame_id": i, "instances": a["instances"] + b["instances"]}
                for i, (a, b) in enumerate(zip(people[::2], people[1::2], strict=True))
            ]
        assert_true(read(people, person="largest"))


def test_one_image_of_mmpose() -> None:
    poses = read([instance(named(TRUE)[3])])
    assert_true(poses, true=TRUE.select([3]))


GUESSED: dict[str, tuple[Callable[[], Any], str]] = {
    "about the middle": (
        lambda: changed(TRUE, lambda rows: rows * (2 / SIZE[0], 2 / SIZE[1], 1) - (1, 1, 0)),
        "-1 to 1",
    ),
    "percent of the picture": (
        lambda: changed(TRUE, lambda rows: rows * (100 / SIZE[0], 100 / SIZE[1], 1)),
        "percent",
    ),
    "y up": (lambda: changed(TRUE, lambda rows: rows * (1, -1, 1) + (0, SIZE[1], 0)), "y is assumed"),
    "y up from the bottom": (lambda: changed(TRUE, lambda rows: rows * (1, -1, 1)), "y is assumed"),
    "y up about the middle": (
        lambda: changed(TRUE, lambda rows: rows * (2 / SIZE[0], -2 / SIZE[1], 1) - (1, -1, 0)),
        "y is",
    ),
    "low scores": (lambda: changed(TRUE, lambda rows: rows * (1, 1, 0.25)), "No score in clip is above 0.3"),
}


@pytest.mark.parametrize("form", GUESSED)
def test_guesses_cause_warnings(form: str) -> None:
    make, sentence = GUESSED[form]
    with pytest.warns(AnimateXWarning, match=sentence) as caught:
        poses = poses_from_openpose(make(), source="clip")
    assert all(warning.filename == __file__ for warning in caught)
    assert_true(poses)


@pytest.mark.parametrize(
    "place", [(0, 0, 1), (-1, -1, 1), (-1, -1, 0), (float("nan"), float("nan"), 0), (0, 0, 0)]
)
@pytest.mark.parametrize("fractions", [False, True])
def test_missing_points_of_every_kind(place: tuple, fractions: bool) -> None:
    def change(values: np.ndarray) -> np.ndarray:
        values[4] = place
        return values / (*SIZE, 1) if fractions else values

    assert_true(read(changed(TRUE, change)), set(BODY) - {4})


def test_an_acrobat_stays_on_his_hands() -> None:
    turned = changed(TRUE, lambda rows: rows * (-1, -1, 1) + (*SIZE, 0))
    poses = read(turned)
    np.testing.assert_allclose(poses.body[:, :18, :2], 1 - TRUE.body[:, :18, :2], atol=1e-4)


def test_hands_that_an_exporter_confused_are_set_right() -> None:
    frames = openpose_from_poses(TRUE)
    for frame in frames:
        (person,) = frame["people"]
        left, right = "hand_left_keypoints_2d", "hand_right_keypoints_2d"
        person[left], person[right] = person[right], person[left]
    with pytest.warns(AnimateXWarning, match="left and right hand were swapped"):
        poses = poses_from_openpose(frames)
    for hand in HANDS:
        np.testing.assert_allclose(poses.points[:, hand, :2], TRUE.points[:, hand, :2], atol=1e-4)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "places in space of OpenPose": (
        lambda: [{"people": [{"pose_keypoints_2d": [], "pose_keypoints_3d": [1.0] * 100}]}] * 3,
        "has in pose_keypoints_3d points in three dimensions",
    ),
    "places in space of MMPose": (
        lambda: [{"instances": [{"keypoints": [[0.1, 0.2, 0.3]] * 17, "keypoint_scores": [0.9] * 17}]}],
        "has in keypoints points in three dimensions",
    ),
    "places in space of MediaPipe": (
        lambda: [{"pose_world_landmarks": [{"x": 0.1, "y": 0.2, "z": 0.3}] * 33}],
        "three dimensions",
    ),
    "the same everywhere": (lambda: openpose_of([1.0] * 99), "All points of each person in clip are at one"),
    "two clips": (
        lambda: {f"{clip}_{i:03d}.jpg": frame for clip in "ab" for i, frame in enumerate(openpose(TRUE))},
        r"clip contains poses of 2 videos \('a', 'b'\), but only one is possible",
    ),
    "an unknown layout": (lambda: openpose_of([1.0, 2.0, 1.0] * 14), "has in pose_keypoints_2d 42 numbers"),
    "no poses": (lambda: {"images": [], "info": {}}, "frame 0 of clip is not an OpenPose frame"),
}


def openpose_of(numbers: list[float]) -> list[dict]:
    return [{"people": [{"pose_keypoints_2d": numbers}]}] * 3


@pytest.mark.parametrize("form", REFUSED)
def test_invalid_data_is_rejected_in_one_sentence(form: str) -> None:
    make, message = REFUSED[form]
    with pytest.raises(InvalidInput, match=message) as error:
        poses_from_openpose(make(), source="clip")
    assert str(error.value).count(". ") == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("lines", [False, True])
def test_encodings_and_json_lines(tmp_path: Path, encoding: str, lines: bool) -> None:
    file = tmp_path / "poses.json"
    text = json_lines(openpose(TRUE)) if lines else json.dumps(openpose(TRUE), indent=1)
    file.write_bytes(text.encode(encoding))
    assert_true(read_poses(file))


def test_truncated_json_lines_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "poses.jsonl"
    file.write_text(json_lines(openpose(TRUE))[:-300])
    with pytest.raises(InvalidInput, match=r"truncated \(line 12:"):
        read_poses(file)


def test_a_file_without_people_causes_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "poses.json"
    file.write_text(json.dumps([{"people": None, "canvas_width": 512, "canvas_height": 758}] * 3))
    with pytest.warns(AnimateXWarning, match="No person was found in"):
        assert len(read_poses(file)) == 3


@pytest.mark.parametrize("count", [133, 135, 136])
def test_openpose_points_in_a_larger_layout_are_recognized(count: int) -> None:
    frames = openpose(TRUE)
    for frame in frames:
        frame["people"][0]["pose_keypoints_2d"] += [1.0] * 3 * (count - 18)
    assert_true(read(frames))


def test_openpose_points_without_the_last_are_not_mistaken_for_coco() -> None:
    frames = openpose(TRUE, OPENPOSE[:17])
    assert_true(read(frames), range(17))


def test_low_scores_of_some_points_stay_low() -> None:
    poses = read(changed(TRUE, lambda rows: np.where([[0, 0, 1]], np.linspace(0.1, 1, 18)[:, None], rows)))
    assert seen(poses.body[:, :18]).sum(axis=1).tolist() == [14] * 12


@pytest.mark.parametrize(
    "form", ["size above frames", "size in a pair", "size in an object", "by number, beside a size", "COCO"]
)
def test_sizes_that_files_tell(form: str) -> None:
    make, points = FORMS[form]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_true(poses_from_openpose(make()), points)
