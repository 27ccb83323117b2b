"""Which part of each frame shows the person: from the detector, or from the points of the frame before."""

from dataclasses import dataclass

import numpy as np

from .landmarks import Region, region_of
from .person import PersonRule, PersonTracker, require_chosen
from .skeleton import BODY, seen

ENOUGH = 6  # body points that must be seen for a box to be made of points
GROWTH = 1.2  # of the box of the seen points, which lie inside the person's outline


@dataclass(frozen=True)
class People:
    """Everybody found in a frame: boxes (n, 4) in pixels (left, top, right, bottom), scores (n,)."""

    boxes: np.ndarray
    scores: np.ndarray


class Whereabouts:
    """Follows one person through a clip whose frames come in order."""

    def __init__(self, person: PersonRule, whole_frame: bool = True) -> None:
        """whole_frame: take the whole frame for the person where nobody is found, as released."""
        self._tracker = PersonTracker(person)
        self._whole_frame = whole_frame
        self._box: np.ndarray | None = None
        self._was_found = False
        self._most_people = 0

    def detected(self, people: People, width: int, height: int) -> Region | None:
        """Return where the person is in a frame with a detection, None where they are not in it."""
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
        """Return where the person is in a frame without a detection: where they were last."""
        return None if self._box is None else region_of(self._box)

    def update(self, points: np.ndarray, width: int, height: int) -> None:
        """Learn from the points (130, 3) of the latest frame, as those of PoseSequence, where they are."""
        if seen(points[BODY]).sum() < ENOUGH:
            return
        places = points[seen(points), :2] * (width, height)
        low, high = places.min(axis=0), places.max(axis=0)
        centre, half = (low + high) / 2, (high - low) / 2 * GROWTH
        self._box = np.concatenate([centre - half, centre + half])

    def require_found(self) -> None:
        """Raise InvalidInput where no frame of the clip showed the person asked for."""
        require_chosen(self._tracker.rule, self._most_people, self._was_found, "the clip")
