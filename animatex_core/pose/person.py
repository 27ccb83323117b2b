"""Choose one of several people in a video, and follow them over time."""

from typing import Literal, NamedTuple, get_args

import numpy as np

from ..errors import InvalidInput
from ..utils.validation import require_int

NamedRule = Literal["best", "largest", "leftmost"]


class PersonBox(NamedTuple):
    """Box of the person in the first frame that shows them, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


class PersonPoint(NamedTuple):
    """A point on the person in the first frame that shows somebody there, as fractions of the frame."""

    x: float
    y: float


PersonRule = NamedRule | int | PersonBox | PersonPoint
"""best: the highest score of each frame, without tracking (the official behaviour). largest, leftmost, an
index counted from the left, from 0, a box, a point: chosen in the first frame that has them, then tracked."""

MAX_MISSED = 12  # consecutive detections in which a person may be missing before another is chosen
OVERLAP = 0.1  # minimum intersection over union of two boxes of one person
AHEAD = 6  # detections over which the motion of a missing person is extrapolated
REACH = 1.5  # without overlap: how far a box may have moved, in its own widths and heights
MAX_CROWD = 100  # people tracked at once, those nearest to the chosen one
GROWTH = 4.0  # without overlap: how much a box's area may have changed


def check_person_rule(rule: object) -> None:
    """Raise InvalidInput if `rule` is not a PersonRule."""
    if isinstance(rule, PersonBox | PersonPoint):
        return
    if not isinstance(rule, str):
        require_int("person", rule, least=0)
    elif rule not in get_args(NamedRule):
        raise InvalidInput(
            f"person is {rule!r}, but it must be best, largest, leftmost or a number: take 0 for the person "
            "farthest to the left."
        )


def require_person_found(rule: PersonRule, most: int, chosen: bool, where: str) -> None:
    """Raise InvalidInput if the chosen person was never found although others were.

    Args:
        rule: Which person was to be chosen.
        most: Maximum number of people in a frame.
        chosen: Whether the person was found in any frame.
        where: Name of the frames in the message.

    """
    if most and not chosen and isinstance(rule, PersonBox):
        raise InvalidInput(
            f"person_box is {_written(rule)}, but nobody found in {where} is inside it: give the box of a "
            "person in pixels of the frames."
        )
    if most and not chosen and isinstance(rule, PersonPoint):
        raise InvalidInput(
            f"The point is at {rule.x:g}, {rule.y:g}, but nobody found in {where} is there: give a point "
            "on a person, as fractions of width and height."
        )
    if most and not chosen:
        raise InvalidInput(
            f"person is {rule!r}, but no frame of {where} shows more than {most} people: take a number from "
            f"0 to {most - 1}."
        )


class PersonTracker:
    """Chooses the same person in frame after frame.

    Everyone in the image is tracked, so that a missing person is not replaced by a neighbour.

    Args:
        rule: Which person to choose.

    Raises:
        InvalidInput: The rule is not a PersonRule.

    """

    def __init__(self, rule: PersonRule) -> None:
        check_person_rule(rule)
        self.rule = rule
        self._people = np.zeros((0, 4))  # last boxes; row 0 is the chosen person, empty before the choice
        self._speeds = np.zeros((0, 2))  # of their centres, per detection
        self._missed = np.zeros(0, int)  # detections since each was last found

    @property
    def following(self) -> bool:
        """Whether a person was chosen and is tracked, even if the last frames do not show them."""
        return len(self._people) > 0

    def choose(
        self, boxes: np.ndarray, scores: np.ndarray, size: tuple[float, float] = (1.0, 1.0)
    ) -> int | None:
        """Choose the person's box in the next frame.

        Args:
            boxes: (n, 4) of left, top, right, bottom, in pixels or fractions of the image.
            scores: (n,).
            size: Width and height of the frame in the unit of the boxes, for a point.

        Returns:
            The index of the box, None if the person is not in the frame.

        """
        if self.rule == "best":
            return int(np.argmax(scores)) if len(boxes) else None
        if self.following:
            return self._follow(boxes, size)
        chosen = self._first(boxes, size)
        if chosen is not None:
            self._people = boxes[_nearest(boxes, boxes[chosen])]
            self._speeds = np.zeros((len(self._people), 2))
            self._missed = np.zeros(len(self._people), int)
        return chosen

    def _first(self, boxes: np.ndarray, size: tuple[float, float]) -> int | None:
        if self.rule == "largest":
            return int(np.argmax(_areas(boxes))) if len(boxes) else None
        if isinstance(self.rule, PersonBox):
            return _most_covered(np.asarray(self.rule), boxes)
        if isinstance(self.rule, PersonPoint):
            return _around(np.asarray(self.rule) * size, boxes)
        place = 0 if self.rule == "leftmost" else int(self.rule)
        order = np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")
        return int(order[place]) if place < len(order) else None

    def _follow(self, everybody: np.ndarray, size: tuple[float, float]) -> int | None:
        expected = self._expected()
        near = np.sort(_nearest(everybody, expected[0]))
        boxes = everybody[near]
        matches = _match(_affinity(expected, boxes))
        self._missed += 1
        for person, box in matches.items():
            self._meet(person, boxes[box])
        if self._missed[0] > MAX_MISSED:
            self._people = np.zeros((0, 4))
            return self.choose(everybody, np.zeros(len(everybody)), size)
        kept = self._missed <= MAX_MISSED
        new = np.delete(boxes, list(matches.values()), axis=0)
        self._people = np.concatenate([self._people[kept], new])
        self._speeds = np.concatenate([self._speeds[kept], np.zeros((len(new), 2))])
        self._missed = np.concatenate([self._missed[kept], np.zeros(len(new), int)])
        return int(near[matches[0]]) if 0 in matches else None

    def _expected(self) -> np.ndarray:
        """Extrapolate all boxes, so that a person who crosses another one is still recognized behind them."""
        looks = np.minimum(self._missed + 1, AHEAD)[:, None]
        return self._people + np.tile(self._speeds * looks, 2)

    def _meet(self, person: int, box: np.ndarray) -> None:
        moved = (box - self._people[person]).reshape(2, 2).mean(axis=0) / self._missed[person]
        self._speeds[person] = (self._speeds[person] + moved) / 2
        self._people[person], self._missed[person] = box, 0


def _nearest(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the indices of the MAX_CROWD boxes (n, 4) nearest to a box (4,), nearest first."""
    away = np.abs(boxes - box).sum(axis=1)
    return np.argsort(away, kind="stable")[:MAX_CROWD]


def _most_covered(box: np.ndarray, boxes: np.ndarray) -> int | None:
    """Return the index of the box (n, 4) with the largest overlap with a box (4,), None if there is none."""
    if not len(boxes):
        return None
    shared = np.clip(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0, None)
    intersection = shared.prod(axis=1)
    overlap = intersection / np.maximum(_areas(boxes) + _areas(box) - intersection, np.finfo(float).tiny)
    return int(overlap.argmax()) if overlap.max() > 0 else None


def _around(point: np.ndarray, boxes: np.ndarray) -> int | None:
    """Return the index of the box (n, 4) around a point (2,) with the nearest middle, None without one."""
    inside = ((boxes[:, :2] <= point) & (point <= boxes[:, 2:])).all(axis=1)
    away = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - point, axis=1)
    return int(np.where(inside, away, np.inf).argmin()) if inside.any() else None


def _written(box: PersonBox) -> str:
    width, height = box.right - box.left, box.bottom - box.top
    return f"{width:g} x {height:g} pixels at ({box.left:g}, {box.top:g})"


def _match(affinity: np.ndarray) -> dict[int, int]:
    """Pair rows with columns, highest affinity first; an affinity of 0 is not a pair."""
    pairs: dict[int, int] = {}
    left = affinity.copy()
    while left.size and left.max() > 0:
        row, column = map(int, np.unravel_index(left.argmax(), left.shape))
        pairs[row] = column
        left[row], left[:, column] = 0, 0
    return pairs


def _affinity(people: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return (people, boxes): 1 to 2 where they overlap, 0 to 1 where they are near and similar in size."""
    a, b = people[:, None], boxes[None]
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    intersection = shared.prod(axis=-1)
    tiny = np.finfo(np.float32).tiny
    areas = np.maximum(_areas(a), tiny), np.maximum(_areas(b), tiny)
    overlap = intersection / (areas[0] + areas[1] - intersection)

    sides = np.maximum((a[..., 2:] - a[..., :2] + b[..., 2:] - b[..., :2]) / 2, tiny)
    away = np.linalg.norm((a[..., 2:] + a[..., :2] - b[..., 2:] - b[..., :2]) / 2 / sides, axis=-1)
    alike = np.maximum(areas[0] / areas[1], areas[1] / areas[0]) <= GROWTH
    near = np.where(alike, np.clip(1 - away / REACH, 0, None), 0)
    return np.where(overlap >= OVERLAP, 1 + overlap, near)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
