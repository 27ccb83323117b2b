"""Find frames in parsed pose files: in lists, by name or number, and inside wrapper objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...utils.documents import MAX_DEPTH
from .dialects import FORMATS, frame_of, holds_people, lists_people
from .person import is_person
from .raw_frame import Outer, RawFrame, label_of
from .text import from_string
from .values import is_point

# Keys of objects under which their frames are stored.
WRAPPERS = (
    "frames", "poses", "pose", "animation", "instance_info", "predictions", "results", "result", "data",
    "keyframes", "pose_keypoint", "pose_keypoints", "POSE_KEYPOINT", "openpose", "openpose_json", "pose_data",
)  # fmt: skip
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
