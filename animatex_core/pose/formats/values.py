"""Point values as files store them: rows of numbers, objects with x and y, separate lists of scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NAMES = "keypoint_names"  # key under which a person's keypoint names are passed on
SCORES = ("keypoint_scores", "keypoints_scores", "kp_score", "keypoint_score", "keypoints_visible")
SCORES_OF_A_POINT = ("visibility", "score", "confidence", "c", "likelihood", "presence")
NAME_OF_A_POINT = ("name", "part", "joint")
INNER = ("landmark", "landmarks", "keypoints")  # keys of lists within an object


def is_missing(values: object) -> bool:
    """Return whether a part is null, empty or all null."""
    return values is None or (isinstance(values, Sequence) and all(value is None for value in values))


def is_point(value: object) -> bool:
    """Return whether an object is a point with x and y, or with a position that has them (PoseNet)."""
    return isinstance(value, Mapping) and (("x" in value and "y" in value) or is_point(value.get("position")))


def point_rows(person: Mapping, key: str) -> object:
    """Return the values of a part as rows or numbers, combined with separately stored scores."""
    values = _inner(person[key])
    if isinstance(values, list) and values and isinstance(values[0], float | int) and _scores(person) is None:
        return values
    if isinstance(values, Sequence) and any(map(is_point, values)):
        return [_row(value) for value in values]
    if isinstance(values, Mapping) and values and all(map(_is_place, values.values())):
        return [_row(value) if is_point(value) else value for value in values.values()]
    if key.lower().endswith("landmarks") and isinstance(values, Sequence) and not _is_flat(values):
        return [_row(value) for value in values]
    scores = _scores(person)
    if scores is None or not isinstance(values, Sequence) or not isinstance(scores, Sequence):
        return values
    rows = [values[index : index + 2] for index in range(0, len(values), 2)] if _is_flat(values) else values
    if len(rows) != len(scores) or any(len(row) != 2 for row in rows if isinstance(row, Sequence)):
        return values
    return [_scored(row, score) for row, score in zip(rows, scores, strict=True)]


def is_3d(person: Mapping, key: str) -> bool:
    """Return whether rows of three numbers are 3D positions, because scores are stored separately."""
    values, scores = person[key], _scores(person)
    if not isinstance(values, Sequence) or not isinstance(scores, Sequence) or len(values) != len(scores):
        return False
    return all(isinstance(row, Sequence) and len(row) == 3 for row in values) and any(
        row[2] != score for row, score in zip(values, scores, strict=True)
    )


def names_of(person: Mapping, count: int) -> Sequence[str] | None:
    """Return the names of a person's points, None if the file has none."""
    names = person.get(NAMES)
    if names is None:
        body = next((value for value in person.values() if isinstance(value, Mapping)), {})
        names = list(body) if body and all(map(_is_place, body.values())) else _names_of_points(person, count)
    return names if isinstance(names, Sequence) and len(names) == count else None


def named_points(person: Mapping) -> dict[str, Any]:
    """Return the points that a person stores by name, without other values."""
    return {
        str(name): value
        for name, value in person.items()
        if is_point(value) or (_is_place(value) and len(value) <= 3 and _is_flat(value))
    }


def as_numbers(values: object) -> np.ndarray:
    """Convert values to a float64 array; nulls become NaN, but a null point becomes zeros.

    Raises:
        TypeError: A value is not a number; also ValueError or OverflowError.

    """
    if not isinstance(values, Sequence) or isinstance(values, str) or _is_flat(values):
        return np.asarray(values, dtype=np.float64)
    points = [value for value in values if isinstance(value, Sequence) and not isinstance(value, str)]
    rows = [[0] * len(points[0]) if value is None else value for value in values] if points else values
    return np.asarray(rows, dtype=np.float64)


def _inner(values: object) -> object:
    """Return the list within an object, as in MediaPipe's messages."""
    if isinstance(values, Mapping):
        return next((values[name] for name in INNER if isinstance(values.get(name), list)), values)
    return values


def _scores(person: Mapping) -> object:
    return next((person[name] for name in SCORES if not is_missing(person.get(name))), None)


def _names_of_points(person: Mapping, count: int) -> list[str] | None:
    """Return the names stored in the points of a list."""
    for values in map(_inner, person.values()):
        if isinstance(values, list) and len(values) == count and all(map(is_point, values)):
            names = [next((point[key] for key in NAME_OF_A_POINT if key in point), None) for point in values]
            return [str(name) for name in names] if None not in names else None
    return None


def _is_place(value: object) -> bool:
    return is_point(value) or (isinstance(value, Sequence) and not isinstance(value, str) and len(value) >= 2)


def _is_flat(values: Sequence) -> bool:
    return bool(values) and not isinstance(values[0], Sequence | Mapping) and values[0] is not None


def _row(value: Any) -> list:
    """Return x, y and score; depth is dropped."""
    if value is None:
        return [0, 0, 0]
    if isinstance(value, Mapping):
        score = next((value[name] for name in SCORES_OF_A_POINT if value.get(name) is not None), 1)
        place = value["position"] if "x" not in value and is_point(value) else value
        return [place.get("x"), place.get("y"), score]
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [value]  # not a point; reported when it is converted to numbers
    return [*value[:2], value[-1] if len(value) > 3 else 1]


def _scored(row: Any, score: object) -> object:
    if row is None:
        return [0, 0, 0]
    if not isinstance(row, Sequence) or isinstance(row, str):
        return row  # not a point; reported when it is converted to numbers
    return [*row, next(iter(score), None) if isinstance(score, list) else score]
