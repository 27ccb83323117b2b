"""One person of a pose file: which keys hold which points, in which layout."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from ...errors import InvalidInput
from ..keypoints import FACE, FACE_POINTS, HAND_POINTS, HANDS, LEFT_HAND, MODEL_JOINTS, POINTS, RIGHT_HAND
from .layouts import COUNTS as BODY_COUNTS
from .layouts import TOES, Layout, best_layout, layout_of_names, layouts_of, middle
from .values import NAMES, as_numbers, is_3d, is_missing, named_points, names_of, point_rows

COUNTS = {  # points that a part may have
    "pose": BODY_COUNTS,
    "foot": (2, 6),  # one toe a foot; big toe, small toe and heel a foot; the left foot first
    "face": (FACE_POINTS, 70),  # OpenPose adds the pupils
    "hand_left": (HAND_POINTS,),
    "hand_right": (HAND_POINTS,),
}
KEYS = {  # of OpenPose, of COCO and its relatives, and of MediaPipe
    "pose": (
        "pose_keypoints_2d", "pose_keypoints", "keypoints", "joints", "pose_landmarks", "poseLandmarks",
        "landmarks",
    ),
    "foot": ("foot_keypoints_2d", "foot_keypoints", "foot_kpts"),
    "face": ("face_keypoints_2d", "face_keypoints", "face_kpts", "face_landmarks", "faceLandmarks"),
    "hand_left": (
        "hand_left_keypoints_2d", "hand_left_keypoints", "lefthand_kpts", "left_hand_landmarks",
        "leftHandLandmarks",
    ),
    "hand_right": (
        "hand_right_keypoints_2d", "hand_right_keypoints", "righthand_kpts", "right_hand_landmarks",
        "rightHandLandmarks",
    ),
}  # fmt: skip
KEYS_3D = ("pose_keypoints_3d", "keypoints_3d", "pose_world_landmarks", "poseWorldLandmarks")
MAX_VALUES = 1000  # more than of any of these
IN_SPACE = "points in three dimensions, but it must be x, y and c in the picture: export 2D keypoints"
FLAT_LANDMARKS = 33 * 4  # x, y, z and visibility of MediaPipe's points
SAMPLE = 64  # people that tell the layout of a file
Layouts = Mapping[int, Layout]  # by the number of points


class _UnknownCountError(Exception):
    """A part has a number of points that no known skeleton has."""


def is_person(value: object) -> bool:
    """Whether an object has any part of a person, be it empty."""
    return isinstance(value, Mapping) and any(
        key in value for keys in (*KEYS.values(), KEYS_3D) for key in keys
    )


def chosen_layouts(people: Iterable[object]) -> Layouts:
    """Return the layouts of bodies, told from the first people of a file."""
    bodies: dict[int, list[np.ndarray]] = {}
    for body in islice(_bodies(people), SAMPLE):
        bodies.setdefault(len(body), []).append(body)
    return {count: best_layout(found) for count, found in bodies.items()}


def person_points(person: object, where: str, left_out: list[str], layouts: Layouts) -> np.ndarray:
    """Put all parts of a person together: (130, 3) as in `PoseSequence.points`, in the file's own units.

    Numbers that are not finite stay. Parts of another number of points than any known skeleton has are
    missing, and `left_out` gets a sentence without its end on each. layouts: of `chosen_layouts`. Raises
    InvalidInput, beginning with `where`, for what is no person.
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
        left_out.append(f"{where} has in {key} {IN_SPACE}")
    return points


def written_person(points: np.ndarray) -> dict[str, list[float]]:
    """Return a person's OpenPose parts, from points (130, 3) in pixels."""
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
    """Return a person, whose joints may stand in it by their names, as one with a list of them."""
    if is_person(person):
        return person
    joints = named_points(person)
    return {"keypoints": joints} if layout_of_names(list(joints)) else person


def _layout(person: Mapping, count: int, layouts: Layouts) -> Layout:
    names = names_of(person, count)
    return (names and layout_of_names(names)) or layouts.get(count) or layouts_of(count)[0]


def _bodies(people: Iterable[object]) -> Iterator[np.ndarray]:
    for person in people:
        if isinstance(person, Mapping) and person.get(NAMES) is None:
            try:
                body = _part(person, "pose", "", [])
            except InvalidInput:  # said when the person's turn comes
                continue
            if body is not None:
                yield np.nan_to_num(body, posinf=0, neginf=0)


def _only_3d(person: Mapping) -> str | None:
    return next((key for key in KEYS_3D if not is_missing(person.get(key))), None)


def _part(person: Mapping, part: str, where: str, left_out: list[str]) -> np.ndarray | None:
    """Return the points (n, 3) of a part, None where the person has none of it that can be used."""
    for key in KEYS[part]:
        if not is_missing(person.get(key)):
            if is_3d(person, key):
                left_out.append(f"{where} has in {key} {IN_SPACE}")
                return None
            try:
                return _points(point_rows(person, key), COUNTS[part], f"{where} has in {key}")
            except _UnknownCountError as error:
                left_out.append(str(error))
    return None


def _points(values: object, counts: tuple[int, ...], having: str) -> np.ndarray:
    expected = f"it must be x, y and c of {' or '.join(map(str, counts))} points"
    count = len(values) if isinstance(values, Sequence) else getattr(values, "size", 0)
    if isinstance(count, int) and count > MAX_VALUES:  # before an array is made of them
        raise _UnknownCountError(f"{having} {count} numbers, but {expected}")
    try:
        array = as_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{having} something else than numbers, but {expected}.") from error
    if array.size == FLAT_LANDMARKS and 33 in counts:
        return array.reshape(-1, 4)[:, [0, 1, 3]]
    for columns in (3, 2):
        nested = array.ndim == 2 and array.shape[1] == columns
        if array.size % columns == 0 and array.size // columns in counts and (nested or array.ndim == 1):
            return _with_score(array.reshape(-1, columns))
    raise _UnknownCountError(f"{having} {array.size} numbers, but {expected}")


def _with_score(points: np.ndarray) -> np.ndarray:
    """Give points without a score 1, or 0 at (0, 0) or below, which is where missing points are put."""
    if points.shape[1] == 3:
        return points
    found = (points > 0).any(axis=1, keepdims=True)
    return np.concatenate([points, found], axis=1)


def _toes(feet: np.ndarray) -> np.ndarray:
    """Left and right toe (2, 3): each the middle of the big and the small one, as released."""
    if len(feet) == 2:
        return feet
    return np.stack([middle(feet[0], feet[1]), middle(feet[3], feet[4])])


def _kind(value: object) -> str:
    return "null" if value is None else f"of type {type(value).__name__}"
