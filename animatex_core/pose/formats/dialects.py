"""Frame formats of OpenPose, AlphaPose, MMPose, COCO, DWPose and MediaPipe, and where files hold frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from ...utils.documents import MAX_DEPTH
from ..keypoints import MODEL_JOINTS
from .person import KEYS, is_person
from .raw_frame import HANDS_KEPT, Label, Outer, RawFrame, label_of
from .text import from_string
from .values import NAMES, as_numbers, is_point

PEOPLE = ("people", "instances", "bodies")
Reader = Callable[[Mapping, Outer], Iterator[RawFrame]]


def holds_people(data: Mapping) -> bool:
    """Return whether an object is a frame or a person."""
    return lists_people(data) or is_person(data) or _is_dwpose(data)


def lists_people(data: Mapping) -> bool:
    """Return whether an object lists the people of a frame."""
    return any(name in data for name in PEOPLE)


def frame_of(people: object, outer: Outer, label: Label | None = None) -> RawFrame:
    """Create a frame of people, with the names of their points if the file has them."""
    if outer.names and isinstance(people, list | tuple):
        people = [
            {**person, NAMES: outer.names} if isinstance(person, Mapping) else person for person in people
        ]
    return RawFrame(people, outer.label if label is None else label, outer.sides)


def _read_people(data: Mapping, outer: Outer) -> Iterator[RawFrame]:
    people = next(data[name] for name in PEOPLE if name in data)
    if isinstance(people, Mapping):
        people = [people] if is_person(people) else list(people.values())
    frame = frame_of(from_string(people), outer, label_of(data))
    yield replace(frame, keeps_hands=data.get(HANDS_KEPT) is True)


def _read_person(data: Mapping, outer: Outer) -> Iterator[RawFrame]:
    yield replace(frame_of(_persons(data), outer, label_of(data)), is_whole=False)


def _persons(data: Mapping) -> list[Mapping]:
    """Return the people in MediaPipe's results, which list each part for everyone, else the single person."""
    lists = {key: data[key] for keys in KEYS.values() for key in keys if _is_nested_points(data.get(key))}
    if not lists:
        return [data]
    count = max(len(people) for people in lists.values())
    return [
        {key: people[index] for key, people in lists.items() if index < len(people)} for index in range(count)
    ]


def _is_nested_points(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, list) and item and is_point(item[0]) for item in value
    )


def _is_dwpose(data: Mapping) -> bool:
    bodies = data.get("bodies")
    return isinstance(bodies, Mapping) and "candidate" in bodies and "subset" in bodies


def _read_dwpose(data: Mapping, outer: Outer) -> Iterator[RawFrame]:
    """Read DWPose's arrays: bodies as point indices; all left hands, then all right ones; faces."""
    try:
        people = list(_dwpose_people(data))
    except (TypeError, ValueError, OverflowError, IndexError):
        yield RawFrame(None, is_frame=False)
    else:
        yield frame_of(people, outer, label_of(data))


def _dwpose_people(data: Mapping) -> Iterator[dict[str, np.ndarray | None]]:
    candidates = _scored(as_numbers(data["bodies"]["candidate"])[:, :3])
    subset = as_numbers(data["bodies"]["subset"])[:, :MODEL_JOINTS].astype(int)
    hands, faces = (_dwpose_parts(data, name) for name in ("hands", "faces"))
    for index, row in enumerate(subset):
        there = (row >= 0) & (row < len(candidates))
        yield {
            "pose_keypoints_2d": np.where(there[:, None], candidates[np.where(there, row, 0)], 0),
            "hand_left_keypoints_2d": hands[index] if index < len(hands) else None,
            "hand_right_keypoints_2d": hands[len(subset) + index]
            if len(subset) + index < len(hands)
            else None,
            "face_keypoints_2d": faces[index] if index < len(faces) else None,
        }


def _dwpose_parts(data: Mapping, name: str) -> np.ndarray:
    """Return hands or faces (n, points, 3), with their scores if the file has them."""
    places = data.get(name)
    if not places:
        return np.zeros((0, 0, 3))
    scores = next((data[key] for key in (f"{name}_score", f"{name}_scores") if data.get(key)), None)
    points = _scored(as_numbers(places)[..., :3])
    if scores is not None:
        points[..., 2] = as_numbers(scores)
    points[(points[..., :2] == -1).all(axis=-1)] = 0
    return points


def _scored(points: np.ndarray) -> np.ndarray:
    return (
        points if points.shape[-1] == 3 else np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    )


def _is_coco(data: Mapping) -> bool:
    return isinstance(data.get("annotations"), list) and isinstance(data.get("images", []), list)


def _read_coco(data: Mapping, outer: Outer) -> Iterator[RawFrame]:
    """Read COCO's annotations image by image; annotations without keypoints are not people."""
    people: dict[Any, list] = {}
    for annotation in data["annotations"]:
        if isinstance(annotation, Mapping) and annotation.get("keypoints"):
            key = _key(annotation.get("image_id"))
            people.setdefault(label_of(annotation) if key is None else key, []).append(annotation)
    images = {_key(image.get("id")): image for image in data.get("images", []) if isinstance(image, Mapping)}
    for key in chain(images, (key for key in people if key not in images)):
        image = images.get(key, {})
        label = label_of(image, ("frame_id", "file_name"))
        yield frame_of(people.get(key, []), outer.within(image), key if label is None else label)


def _key(value: object) -> Label | None:
    return value if isinstance(value, int | str) else None


FORMATS: tuple[tuple[Callable[[Mapping], bool], Reader], ...] = (
    (_is_dwpose, _read_dwpose),
    (_is_coco, _read_coco),
    (lists_people, _read_people),
    (is_person, _read_person),
)


# Keys of objects under which their frames are stored.
WRAPPERS = (
    "frames",
    "poses",
    "pose",
    "animation",
    "instance_info",
    "predictions",
    "results",
    "result",
    "data",
    "keyframes",
    "pose_keypoint",
    "pose_keypoints",
    "POSE_KEYPOINT",
    "openpose",
    "openpose_json",
    "pose_data",
)
BOXES = ("bbox", "bbox_score", "box", "keypoint_scores")  # keys of a detected person
CONTAINERS = (Mapping, list, tuple, str)


def raw_frames(data: object) -> Iterator[RawFrame]:
    """Yield the frames of parsed JSON in the file's order, without copying the data."""
    return _frames(data, Outer(), 0)


def _frames(data: object, outer: Outer, depth: int) -> Iterator[RawFrame]:
    if depth > MAX_DEPTH:  # a list may even contain itself
        yield RawFrame(None, is_frame=False)
    elif isinstance(data, Mapping):
        yield from _of_object(data, outer, depth)
    elif isinstance(data, list | tuple):
        yield from _of_list(data, outer, depth)
    elif (read := from_string(data)) is not data:
        yield from _frames(read, outer, depth + 1)
    else:
        yield RawFrame(None, outer.label, is_frame=False)


def _of_list(data: Sequence, outer: Outer, depth: int) -> Iterator[RawFrame]:
    if _is_one_frame(data, inner=outer.label is not None):
        yield frame_of(_with_landmarks(data), outer)
        return
    batch = any(isinstance(item, list) and _is_one_frame(item, inner=True) for item in data)
    for item in data:
        if batch and isinstance(item, list):
            yield frame_of(_with_landmarks(item), outer)
        else:
            yield from _frames(item, outer, depth + 1)


def _of_object(data: Mapping, outer: Outer, depth: int) -> Iterator[RawFrame]:
    inner = outer.within(data)
    for is_form, read in FORMATS:
        if is_form(data):
            yield from read(data, inner)
            return
    wrapped = next((data[name] for name in WRAPPERS if isinstance(data.get(name), CONTAINERS)), None)
    if wrapped is not None:
        yield from _frames(wrapped, inner, depth + 1)
    elif _is_by_name(data):
        for name, value in data.items():
            if isinstance(value, CONTAINERS):
                yield from _frames(value, replace(inner, label=str(name)), depth + 1)
    else:
        yield RawFrame(None, outer.label, is_frame=False)


def _is_one_frame(data: Sequence, *, inner: bool) -> bool:
    """Return whether a list is one frame: the points of a person, or people without a frame number.

    If it is not itself in a list or object of frames (`inner`), only people with boxes, as written by MMPose
    for an image, belong to one frame; other people are one frame each.
    """
    first = next(iter(data), None)
    if not isinstance(first, Mapping):
        return False
    is_of_unknown_frame = is_person(first) and label_of(first) is None and not lists_people(first)
    return is_point(first) or (is_of_unknown_frame and (inner or any(key in first for key in BOXES)))


def _with_landmarks(data: Sequence) -> Sequence:
    return [{"landmarks": data}] if data and is_point(data[0]) else data


def _is_by_name(data: Mapping) -> bool:
    """Return whether the values are frames, keyed by their names or numbers."""
    values = [from_string(value) for value in data.values() if isinstance(value, CONTAINERS)]
    return any(values) and all(map(_may_be_frame, values))


def _may_be_frame(value: object) -> bool:
    if isinstance(value, list | tuple):
        first = next(iter(value), None)
        return not value or isinstance(first, list) or is_point(first) or _may_be_frame(first)
    return isinstance(value, Mapping) and holds_people(value)
