"""Apply edits to several people, each with the corrections of their own."""

from collections.abc import Iterable, Sequence

import numpy as np

from ...errors import warn
from ..keypoints import PoseSequence, seen
from .apply import apply_edits
from .state import PoseEdits


def edit_people(people: Sequence[PoseSequence], person: int, edits: PoseEdits) -> tuple[PoseSequence, ...]:
    """Return several people, corrected.

    A person who is not in the poses counts as one without points, to whom a placed skeleton can be given. If
    edits find nobody, an AnimateXWarning says so.

    Args:
        people: The poses of each person, of all frames.
        person: Number of the person whom the edits correct, whatever `edits.person` says.
        edits: The corrections of this person, and of others.

    """
    corrections = {**edits.others, person: edits}
    edited = with_places_for(people, max(corrections))
    for number, each in corrections.items():
        edited[number] = apply_edits(edited[number], each)
    _warn_of_missing(people, [number for number in sorted(corrections) if not is_visible(edited[number])])
    while len(edited) > len(people) and not is_visible(edited[-1]):
        edited.pop()
    return tuple(edited)


def with_places_for(people: Sequence[PoseSequence], person: int) -> list[PoseSequence]:
    """Return people up to a number at least; those who are added have no points."""
    nobody = people[0].with_points(np.zeros_like(people[0].points))
    return [*people, *[nobody] * (person + 1 - len(people))]


def is_visible(poses: PoseSequence) -> bool:
    """Whether a person is visible in any frame."""
    return bool(seen(poses.points).any())


def _warn_of_missing(people: Sequence[PoseSequence], unseen: Sequence[int]) -> None:
    """Warn of people without a point unless edits hid them."""
    there = [number for number, poses in enumerate(people) if is_visible(poses)]
    gone = [number for number in unseen if number not in there]
    if there and gone:
        who = "person" if len(gone) == 1 else "people"
        warn(
            f"The edits of {who} {_listed(gone)} find nobody to correct, since the people in these poses are "
            f"{_listed(there)}: click the person to edit in the pose editor; the edits stay stored.",
            stacklevel=3,
        )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
