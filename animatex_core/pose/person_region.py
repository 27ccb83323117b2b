"""Follow the region of one person from frame to frame."""

from dataclasses import dataclass

import numpy as np

from .estimator import Region, region_around
from .keypoints import BODY, seen
from .person import PersonRule, PersonTracker, require_person_found

MIN_POINTS = 6  # visible body points needed to derive a box from them
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

    def detected(self, people: People, width: int, height: int) -> Region | None:
        """Return the person's region in a frame with detections, None if they are not in it."""
        chosen = self._tracker.choose(people.boxes, people.scores)
        self._most_people = max(self._most_people, len(people.boxes))
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
        if seen(points[BODY]).sum() < MIN_POINTS:
            return
        places = points[seen(points), :2] * (width, height)
        low, high = places.min(axis=0), places.max(axis=0)
        centre, half = (low + high) / 2, (high - low) / 2 * BOX_SCALE
        self._box = np.concatenate([centre - half, centre + half])

    def require_found(self) -> None:
        """Raise InvalidInput if no frame of the video showed the chosen person."""
        require_person_found(self._tracker.rule, self._most_people, self._was_found, "the video")
