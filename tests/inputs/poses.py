"""Poses of every program."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.formats.reader import read_people, read_poses
from tests.inputs.common import Read
from tests.pose import dialect_files as dialects

TRUE = dialects.true_dance()
SIZE = (TRUE.width, TRUE.height)


def assert_poses(path: Path, joints: range = range(18)) -> None:
    poses = read_poses(path, size=SIZE)
    assert len(poses) == len(TRUE)
    seen = (poses.points[..., 2] > 0) & (TRUE.points[..., 2] > 0)
    assert seen[:, joints].mean() > 0.7
    away = np.abs((poses.points - TRUE.points)[..., :2] * SIZE)[:, joints][seen[:, joints]]
    assert away.max() < 1


def poses(*forms: Callable[[], Any]) -> Read:
    def read(folder: Path) -> None:
        for index, form in enumerate(forms):
            content = form()
            path = folder / f"{index}.json"
            data = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
            assert_poses(path)

    return read


def frames() -> list[dict[str, Any]]:
    return dialects.openpose(TRUE)


def as_text(encoding: str) -> Callable[[], bytes]:
    return lambda: json.dumps(frames()).encode(encoding)


def pose_folder(*prefixes: str, missing: tuple[int, ...] = ()) -> Read:
    def read(folder: Path) -> None:
        for prefix in prefixes:
            for number, frame in enumerate(frames()):
                if number not in missing:
                    (folder / f"{prefix}_{number:012}_keypoints.json").write_text(json.dumps(frame))
        poses = read_poses(folder, size=SIZE)
        assert len(poses) == len(TRUE)
        assert not poses.points[list(missing), :, 2].any()

    return read


def in_other_units(folder: Path) -> None:
    scale = np.array([*SIZE, 1])
    changes: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda rows: rows / scale * (100, 100, 1),
        lambda rows: rows / scale * (2, 2, 1) - (1, 1, 0),
        lambda rows: rows * (1, -1, 1) + (0, SIZE[1], 0),
    ]
    for index, change in enumerate(changes):
        (folder / f"{index}.json").write_text(json.dumps(dialects.changed(TRUE, change)))
        with pytest.warns(AnimateXWarning):
            assert_poses(folder / f"{index}.json")
    warnings.warn(AnimateXWarning("All gave a warning."), stacklevel=1)


def threefold() -> list[dict[str, Any]]:
    return [
        {
            "people": [{"pose_keypoints_3d": [1.0, 2.0, 3.0, 1.0] * 18}],
            "canvas_width": 64,
            "canvas_height": 64,
        }
    ] * len(TRUE)


def with_another() -> Any:
    """Return the dance with a second, numbered person, who stands smaller at the side."""
    made = json.loads(json.dumps(frames()))
    for frame in made:
        (person,) = frame["people"]
        other = dict(person)
        for name, values in person.items():
            if isinstance(values, list) and values and len(values) % 3 == 0:
                other[name] = [value * (0.2 if index % 3 < 2 else 1) for index, value in enumerate(values)]
        frame["people"] = [{**other, "person_id": [1]}, {**person, "person_id": [0]}]
    return made


def several(folder: Path) -> None:
    """Read both people, and choose the dancer by number."""
    path = folder / "several.json"
    path.write_text(json.dumps(with_another()), encoding="utf-8")
    chosen = read_poses(path, size=SIZE, person=0)
    visible = (chosen.body[..., 2] > 0) & (TRUE.body[..., 2] > 0)
    assert visible.mean() > 0.7
    assert np.abs(chosen.body - TRUE.body)[..., :2][visible].max() < 0.01
    assert len(read_people(path, size=SIZE)) == 2


POSES: dict[str, Read] = {
    "OpenPose, ComfyUI's POSE_KEYPOINT": poses(frames),
    "several people": several,
    "AlphaPose, in all three of its formats": poses(
        lambda: dialects.alphapose(TRUE), lambda: dialects.alphapose_open(TRUE)
    ),
    "COCO annotations": poses(lambda: dialects.coco(TRUE)),
    "MMPose": poses(lambda: dialects.mmpose(TRUE)),
    "DWPose, its candidates and subsets": poses(lambda: dialects.dwpose(TRUE)),
    "MediaPipe, 33 landmarks in fractions of the image": poses(lambda: dialects.mediapipe(TRUE)),
    "joints by name": poses(
        lambda: [
            {"keypoints": {name: frame[name] for name in dialects.OPENPOSE}} for frame in dialects.named(TRUE)
        ]
    ),
    "frames by name or number, JSON lines, JSON in a string": poses(
        lambda: {f"frame_{index}.png": frame for index, frame in enumerate(frames())},
        lambda: {str(index): frame for index, frame in enumerate(frames())},
        lambda: dialects.json_lines(frames()),
        lambda: json.dumps(json.dumps(frames())),
    ),
    "UTF-8 with a byte order mark, UTF-16": poses(as_text("utf-8-sig"), as_text("utf-16")),
    "BODY_25, BODY_135, COCO and feet, COCO-WholeBody 133, Halpe-26, Halpe-136, Human3.6M": poses(
        *(
            lambda layout=layout: dialects.openpose(TRUE, dialects.LAYOUTS[layout])
            for layout in (
                *("BODY_25", "BODY_135", "COCO and feet", "COCO-WholeBody", "Halpe-26", "Halpe-136"),
                "Human3.6M",
            )
        )
    ),
    "an OpenPose folder with one file per frame": pose_folder("dance"),
    "missing numbers in such a folder": pose_folder("dance", missing=(3, 4)),
    "two videos in such a folder": pose_folder("one", "two"),
    "coordinates in percent, from -1 to 1, or with y up": in_other_units,
    "3D alone": poses(threefold),
    "broken JSON": poses(lambda: json.dumps(frames())[:-20]),
}
