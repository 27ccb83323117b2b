"""One person of an OpenPose JSON file: which keys hold which points, in which order and how many."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InvalidInput
from .skeleton import (
    BODY_POINTS,
    FACE,
    FACE_POINTS,
    HAND_POINTS,
    HANDS,
    JOINT,
    LEFT_HAND,
    MODEL_JOINTS,
    POINTS,
    RIGHT_HAND,
    VISIBLE,
)
from .wholebody import LIMBS

COUNTS = {  # points that a part may have
    "pose": (17, 18, BODY_POINTS, 25),  # COCO, OpenPose's COCO, the same and toes, BODY_25
    "foot": (2, 6),  # one toe a foot; big toe, small toe and heel a foot; the left foot first
    "face": (FACE_POINTS, 70),  # OpenPose adds the pupils
    "hand_left": (HAND_POINTS,),
    "hand_right": (HAND_POINTS,),
}
MAX_VALUES = 1000  # more than of any of these
# Where OpenPose's 18 body points are among BODY_25.
BODY_25_ORDER = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
BODY_25_FEET = slice(19, 25)
NECK, SHOULDERS = JOINT["neck"], (JOINT["right_shoulder"], JOINT["left_shoulder"])
TOES = (JOINT["left_toe"], JOINT["right_toe"])


class _UnknownCountError(Exception):
    """A part has a number of points that no known skeleton has."""


def person_points(person: object, where: str, left_out: list[str]) -> np.ndarray:
    """Put all parts of a person together: (130, 3) as in `PoseSequence.points`, in the file's own units.

    Numbers that are not finite stay. Parts of another number of points than any known skeleton has are
    missing, and `left_out` gets a sentence without its end on each. Raises InvalidInput, beginning with
    `where`, for what is no person.
    """
    if not isinstance(person, Mapping):
        raise InvalidInput(
            f"{where} has a person that is {_kind(person)}, but it must be an object of keypoints."
        )
    points = np.zeros((POINTS, 3))
    parts = {part: _part(person, part, where, left_out) for part in COUNTS}
    if parts["pose"] is not None:
        points[:BODY_POINTS] = _body(parts["pose"])
    if parts["foot"] is not None:
        points[TOES, :] = _toes(parts["foot"])
    if parts["face"] is not None:
        points[FACE] = parts["face"][:FACE_POINTS]
    for part, hand in zip(("hand_left", "hand_right"), HANDS, strict=True):
        if parts[part] is not None:
            points[hand] = parts[part]
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


def _part(person: Mapping, part: str, where: str, left_out: list[str]) -> np.ndarray | None:
    """Return the points (n, 3) of a part, None where the person has none of it that can be used."""
    for key in (f"{part}_keypoints_2d", f"{part}_keypoints"):
        if not _is_missing(person.get(key)):
            try:
                return _points(person[key], COUNTS[part], f"{where} has in {key}")
            except _UnknownCountError as error:
                left_out.append(str(error))
    return None


def _is_missing(values: object) -> bool:
    """Whether a part is null, empty or nothing but nulls."""
    return values is None or (isinstance(values, Sequence) and all(value is None for value in values))


def _points(values: object, counts: tuple[int, ...], having: str) -> np.ndarray:
    expected = f"it must be x, y and c of {' or '.join(map(str, counts))} points"
    count = len(values) if isinstance(values, Sequence) else getattr(values, "size", 0)
    if isinstance(count, int) and count > MAX_VALUES:  # before an array is made of them
        raise _UnknownCountError(f"{having} {count} numbers, but {expected}")
    try:
        array = np.asarray(_without_missing(values), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{having} something else than numbers, but {expected}.") from error
    for columns in (3, 2):
        nested = array.ndim == 2 and array.shape[1] == columns
        if array.size % columns == 0 and array.size // columns in counts and (nested or array.ndim == 1):
            return _with_score(array.reshape(-1, columns))
    raise _UnknownCountError(f"{having} {array.size} numbers, but {expected}")


def _without_missing(values: object) -> object:
    """Replace points that are null among points that are lists."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return values
    points = [value for value in values if isinstance(value, Sequence)]
    return [[0] * len(points[0]) if value is None else value for value in values] if points else values


def _with_score(points: np.ndarray) -> np.ndarray:
    """Give points without a score 1, or 0 at (0, 0) or below, which is where missing points are put."""
    if points.shape[1] == 3:
        return points
    found = (points > 0).any(axis=1, keepdims=True)
    return np.concatenate([points, found], axis=1)


def _body(points: np.ndarray) -> np.ndarray:
    body = np.zeros((BODY_POINTS, 3))
    if len(points) == 17:
        body[[0, *range(2, 18)]] = points[[0, *LIMBS]]
        body[NECK] = _middle(*body[SHOULDERS, :])
    elif len(points) == 25:
        body[:18] = points[list(BODY_25_ORDER)]
        body[TOES, :] = _toes(points[BODY_25_FEET])
    else:
        body[: len(points)] = points
    return body


def _toes(feet: np.ndarray) -> np.ndarray:
    """Left and right toe (2, 3): each the middle of the big and the small one, as released."""
    if len(feet) == 2:
        return feet
    return np.stack([_middle(feet[0], feet[1]), _middle(feet[3], feet[4])])


def _middle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Point between two; missing where one of them is."""
    score = min(a[2], b[2])
    return np.append((a[:2] + b[:2]) / 2, score) if score > VISIBLE else np.zeros(3)


def _kind(value: object) -> str:
    return "null" if value is None else f"of type {type(value).__name__}"
