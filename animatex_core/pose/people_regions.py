"""The regions of all people in the frames of a video, for the pose model."""

from collections.abc import Sequence

import numpy as np

from .estimator import Region, region_around
from .people import without_twins
from .person_region import People, box_of_points

MAX_REGIONS = 16  # in a frame, those of the highest scores


class PeopleRegions:
    """Chooses where the pose model looks for people, frame by frame.

    Args:
        whole_frame: If nobody is detected in any frame, treat every frame as one person.

    """

    def __init__(self, whole_frame: bool) -> None:
        self._whole_frame = whole_frame
        self._boxes = np.zeros((0, 4))
        self._frames = 0
        self._first: int | None = None  # the first frame in which somebody is detected

    def next(self, people: People | None, width: int, height: int) -> list[Region]:
        """Return the regions of the next frame; `people` is None for frames without detection."""
        if people is not None:
            best = np.argsort(-people.scores, kind="stable")[:MAX_REGIONS]
            self._boxes = people.boxes[best].reshape(-1, 4)
            if len(best) and self._first is None:
                self._first = self._frames
            if self._first is None and self._whole_frame:
                self._boxes = np.array([[0.0, 0.0, width, height]])
        self._frames += 1
        return [region_around(box) for box in self._boxes]

    def update(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Follow the people (n, 130, 3) found in the latest regions; return them, each only once."""
        once = without_twins(points, width, height)
        boxes = [
            before if (box := box_of_points(person, width, height)) is None else box
            for before, person in zip(self._boxes[once], points[once], strict=True)
        ]
        self._boxes = np.reshape(boxes, (-1, 4))
        return points[once]

    def without_guesses(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return what (n, ...) belongs to the people of each frame, without whole frames taken for a person.

        That is done only until somebody is detected.
        """
        guessed = self._first or 0
        return [each[:0] for each in frames[:guessed]] + list(frames[guessed:])
