"""The region of one person: followed from frame to frame, and in ComfyUI's BOUNDING_BOX format."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidInput, warn
from ..utils.validation import short_repr
from .estimator import Region, region_around
from .keypoints import BODY, seen
from .person import PersonBox, PersonRule, PersonTracker, require_person_found

MIN_POINTS = 6  # visible body points needed to derive a box from them
CROWDED = 0.3  # share of frames with several people from which on a warning says so
BOX_SCALE = 1.2  # expansion of that box, because keypoints lie inside the person's outline


@dataclass(frozen=True)
class People:
    """All people found in a frame.

    Attributes:
        boxes: (n, 4) in pixels (left, top, right, bottom).
        scores: (n,).

    """

    boxes: np.ndarray
    scores: np.ndarray


class PersonRegionTracker:
    """Follows one person through the frames of a video, in order.

    Args:
        person: Which person to follow.
        whole_frame: Use the whole frame as the person's region if nobody is detected, as the official code
            does.

    """

    def __init__(self, person: PersonRule, whole_frame: bool = True) -> None:
        self._tracker = PersonTracker(person)
        self._whole_frame = whole_frame
        self._box: np.ndarray | None = None
        self._was_found = False
        self._most_people = 0
        self._looks = self._crowded = 0  # frames with detections, and those with several people

    def detected(self, people: People, width: int, height: int) -> Region | None:
        """Return the person's region in a frame with detections, None if they are not in it."""
        chosen = self._tracker.choose(people.boxes, people.scores, (width, height))
        self._most_people = max(self._most_people, len(people.boxes))
        self._looks += 1
        self._crowded += len(people.boxes) > 1
        if chosen is not None:
            self._box, self._was_found = people.boxes[chosen], True
        elif self._whole_frame and len(people.boxes) == 0 and not self._tracker.following:
            self._box = np.array([0, 0, width, height], np.float32)
        else:
            self._box = None
        return self.undetected()

    def undetected(self) -> Region | None:
        """Return the person's region in a frame without detection: the last known one."""
        return None if self._box is None else region_around(self._box)

    def update(self, points: np.ndarray, width: int, height: int) -> None:
        """Update the region from the latest frame's points (130, 3), ordered as in `PoseSequence`."""
        box = box_of_points(points, width, height)
        self._box = self._box if box is None else box

    def require_found(self) -> None:
        """Raise InvalidInput if no frame showed the chosen person; warn if it may be another in each."""
        require_person_found(self._tracker.rule, self._most_people, self._was_found, "the video")
        if self._tracker.rule == "best" and self._crowded >= CROWDED * self._looks and self._crowded:
            warn(
                f"Several people were detected in {self._crowded} of {self._looks} frames, and the one with "
                "the highest score in each is used: choose a person by number.",
                stacklevel=4,
            )


def box_of_points(points: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """Return the box in pixels around a person's points (130, 3); None if too few are visible."""
    if seen(points[BODY]).sum() < MIN_POINTS:
        return None
    places = points[seen(points), :2] * (width, height)
    low, high = places.min(axis=0), places.max(axis=0)
    centre, half = (low + high) / 2, (high - low) / 2 * BOX_SCALE
    return np.concatenate([centre - half, centre + half])


EXPECTED = "it must be a BOUNDING_BOX with x, y, width and height in pixels: give a box with a size above 0"


def read_person_box(data: object) -> PersonBox:
    """Return the first box of a BOUNDING_BOX value.

    Args:
        data: A box with x, y, width and height in pixels, a list of boxes, or a list of boxes per frame, as
            returned by ComfyUI's detectors, best first.

    Returns:
        The box to choose a person by.

    Raises:
        InvalidInput: There is no box, or it does not consist of four finite numbers.

    """
    found = _first(data)
    if found is None:
        raise InvalidInput("person_box contains no box: disconnect it, or check why nothing was detected.")
    x, y, width, height = (_number(found, name) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        raise InvalidInput(f"person_box is {width:g} x {height:g} pixels, but {EXPECTED}.")
    return PersonBox(x, y, x + width, y + height)


def _first(data: object) -> Mapping[str, Any] | None:
    if isinstance(data, Mapping):
        return data
    if not isinstance(data, list | tuple):
        raise InvalidInput(f"person_box is of type {type(data).__name__}, but {EXPECTED}.")
    return next((box for entry in data if (box := _of_frame(entry)) is not None), None)


def _of_frame(entry: object) -> Mapping[str, Any] | None:
    boxes = entry if isinstance(entry, list | tuple) else [entry]
    if not boxes:
        return None
    if not isinstance(boxes[0], Mapping):
        raise InvalidInput(f"person_box lists {type(boxes[0]).__name__}, but {EXPECTED}.")
    return boxes[0]


def _number(box: Mapping[str, Any], name: str) -> float:
    try:
        value = float(box[name])
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"person_box has {short_repr(box.get(name))} for {name}, but {EXPECTED}.")
    return value
