"""One person in a pose file: which keys hold which points, and in which layout."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ..keypoints import FACE, FACE_POINTS, HAND_POINTS, HANDS, LEFT_HAND, MODEL_JOINTS, POINTS, RIGHT_HAND
from .layouts import COUNTS as BODY_COUNTS
from .layouts import TOES, Layout, best_layout, layout_from_names, layouts_with_count, middle
from .values import NAMES, as_numbers, is_3d, is_missing, named_points, names_of, point_rows

COUNTS = {  # possible numbers of points of each part
    "pose": BODY_COUNTS,
    "foot": (2, 6),  # per foot, left first: one toe; or big toe, small toe and heel
    "face": (FACE_POINTS, 70),  # OpenPose adds the pupils
    "hand_left": (HAND_POINTS,),
    "hand_right": (HAND_POINTS,),
}
KEYS = {  # of OpenPose, of COCO and similar formats, and of MediaPipe
    "pose": (
        "pose_keypoints_2d",
        "pose_keypoints",
        "keypoints",
        "joints",
        "pose_landmarks",
        "poseLandmarks",
        "landmarks",
    ),
    "foot": ("foot_keypoints_2d", "foot_keypoints", "foot_kpts"),
    "face": ("face_keypoints_2d", "face_keypoints", "face_kpts", "face_landmarks", "faceLandmarks"),
    "hand_left": (
        "hand_left_keypoints_2d",
        "hand_left_keypoints",
        "lefthand_kpts",
        "left_hand_landmarks",
        "leftHandLandmarks",
    ),
    "hand_right": (
        "hand_right_keypoints_2d",
        "hand_right_keypoints",
        "righthand_kpts",
        "right_hand_landmarks",
        "rightHandLandmarks",
    ),
}
KEYS_3D = ("pose_keypoints_3d", "keypoints_3d", "pose_world_landmarks", "poseWorldLandmarks")
NUMBER = "person_id"  # -1 in files of programs that do not follow people
MAX_NUMBER = 1 << 31
MAX_VALUES = 1000  # more than in any of these
THREE_D_POINTS = "points in three dimensions, but it must be x, y and c in the image: export 2D keypoints"
FLAT_LANDMARKS = 33 * 4  # x, y, z and visibility of MediaPipe's points
SAMPLE = 64  # people from whom the layout of a file is detected
Layouts = Mapping[int, Layout]  # by the number of points


class _UnknownCountError(Exception):
    """The number of points of a part is in no known skeleton."""


def is_person(value: object) -> bool:
    """Return whether an object has any part of a person, even an empty one."""
    return isinstance(value, Mapping) and any(
        key in value for keys in (*KEYS.values(), KEYS_3D) for key in keys
    )


def detect_layouts(people: Iterable[object]) -> Layouts:
    """Detect the body layouts of a file, by number of points, from its first people."""
    bodies: dict[int, list[np.ndarray]] = {}
    for body in islice(_bodies(people), SAMPLE):
        bodies.setdefault(len(body), []).append(body)
    return {count: best_layout(found) for count, found in bodies.items()}


def person_points(person: object, where: str, left_out: list[str], layouts: Layouts) -> np.ndarray:
    """Combine all parts of a person into points (130, 3), as in `PoseSequence.points`, in the file's units.

    Numbers that are not finite stay. Parts with a number of points that is in no known skeleton are missing.

    Args:
        person: An object of a pose file.
        where: Name of the frame, with which messages begin.
        left_out: Gets a sentence without full stop for each part that cannot be used.
        layouts: As returned by `chosen_layouts`.

    Raises:
        InvalidInput: The value is not a person.

    """
    if not isinstance(person, Mapping):
        raise InvalidInput(
            f"{where} has a person that is {_kind(person)}, but it must be an object of keypoints."
        )
    person = _with_parts(person)
    points = np.zeros((POINTS, 3))
    parts = {part: _part(person, part, where, left_out) for part in COUNTS}
    if parts["pose"] is not None:
        points[:] = _layout(person, len(parts["pose"]), layouts).to_pose(parts["pose"])
    if parts["foot"] is not None:
        points[TOES, :] = _toes(parts["foot"])
    if parts["face"] is not None:
        points[FACE] = parts["face"][:FACE_POINTS]
    for part, hand in zip(("hand_left", "hand_right"), HANDS, strict=True):
        if parts[part] is not None:
            points[hand] = parts[part]
    if not points.any() and (key := _only_3d(person)):
        left_out.append(f"{where} has in {key} {THREE_D_POINTS}")
    return points


def number_of(person: Any) -> int | None:
    """Return the number by which a person is followed through the frames; None if the file has none."""
    value = person.get(NUMBER)
    value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER
    return value if is_number else None


def person_to_openpose(points: np.ndarray) -> dict[str, list[float]]:
    """Convert points (130, 3) in pixels to a person's OpenPose parts."""
    missing = np.zeros((1, 3))
    left, right = (points[[toe, toe]] for toe in TOES)
    return {
        "pose_keypoints_2d": _flat(points[:MODEL_JOINTS]),
        "foot_keypoints_2d": _flat(left, missing, right, missing),
        "face_keypoints_2d": _flat(points[FACE], missing, missing),
        "hand_left_keypoints_2d": _flat(points[HANDS[LEFT_HAND]]),
        "hand_right_keypoints_2d": _flat(points[HANDS[RIGHT_HAND]]),
    }


def _flat(*points: np.ndarray) -> list[float]:
    # Missing points share one zero, as a number of its own would take four times the memory.
    return [value or 0.0 for value in np.concatenate(points).reshape(-1).tolist()]


def _with_parts(person: Mapping) -> Mapping:
    """Return a person with a list of joints, even if the file stores them by name in the person itself."""
    if is_person(person):
        return person
    joints = named_points(person)
    return {"keypoints": joints} if layout_from_names(list(joints)) else person


def _layout(person: Mapping, count: int, layouts: Layouts) -> Layout:
    names = names_of(person, count)
    return (names and layout_from_names(names)) or layouts.get(count) or layouts_with_count(count)[0]


def _bodies(people: Iterable[object]) -> Iterator[np.ndarray]:
    for person in people:
        if isinstance(person, Mapping) and person.get(NAMES) is None:
            try:
                body = _part(person, "pose", "", [])
            except InvalidInput:  # raised again when this person is read
                continue
            if body is not None:
                yield np.nan_to_num(body, posinf=0, neginf=0)


def _only_3d(person: Mapping) -> str | None:
    return next((key for key in KEYS_3D if not is_missing(person.get(key))), None)


def _part(person: Mapping, part: str, where: str, left_out: list[str]) -> np.ndarray | None:
    """Return the points (n, 3) of a part, None if the person has no usable ones."""
    for key in KEYS[part]:
        if not is_missing(person.get(key)):
            if is_3d(person, key):
                left_out.append(f"{where} has in {key} {THREE_D_POINTS}")
                return None
            try:
                return _points(point_rows(person, key), COUNTS[part], f"{where} has in {key}")
            except _UnknownCountError as error:
                left_out.append(str(error))
    return None


def _points(values: object, counts: tuple[int, ...], having: str) -> np.ndarray:
    expected = f"it must be x, y and c of {' or '.join(map(str, counts))} points"
    count = len(values) if isinstance(values, Sequence) else getattr(values, "size", 0)
    if isinstance(count, int) and count > MAX_VALUES:  # checked before allocating an array
        raise _UnknownCountError(f"{having} {count} numbers, but {expected}")
    try:
        array = as_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{having} values that are not numbers, but {expected}.") from error
    if array.size == FLAT_LANDMARKS and 33 in counts:
        return array.reshape(-1, 4)[:, [0, 1, 3]]
    for columns in (3, 2):
        nested = array.ndim == 2 and array.shape[1] == columns
        if array.size % columns == 0 and array.size // columns in counts and (nested or array.ndim == 1):
            return _with_score(array.reshape(-1, columns))
    raise _UnknownCountError(f"{having} {array.size} numbers, but {expected}")


def _with_score(points: np.ndarray) -> np.ndarray:
    """Add scores to points without any: 0 at (0, 0) or below, where missing points are put, else 1."""
    if points.shape[1] == 3:
        return points
    found = (points > 0).any(axis=1, keepdims=True)
    return np.concatenate([points, found], axis=1)


def _toes(feet: np.ndarray) -> np.ndarray:
    """Return left and right toe (2, 3), each the mean of the big and the small one."""
    if len(feet) == 2:
        return feet
    return np.stack([middle(feet[0], feet[1]), middle(feet[3], feet[4])])


def _kind(value: object) -> str:
    return "null" if value is None else f"of type {type(value).__name__}"
