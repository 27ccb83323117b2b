"""Choosing a person by a bounding box."""

import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.person import PersonBox, PersonTracker, require_person_found
from animatex_core.pose.person_region import read_person_box

BOX = {"x": 10, "y": 20, "width": 30, "height": 40}
MEANT = PersonBox(10, 20, 40, 60)
PEOPLE = np.array([[0, 0, 50, 100], [100, 0, 150, 100], [200, 0, 260, 110]], float)
SCORES = np.array([0.9, 0.8, 0.7])


@pytest.mark.parametrize(
    "data",
    [BOX, [BOX], [[BOX, {**BOX, "x": 500}]], [[], [{**BOX, "score": 0.9}]], ([BOX],), BOX | {"x": "10"}],
)
def test_the_first_box_counts(data: object) -> None:
    assert read_person_box(data) == MEANT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "contains no box"),
        ([[], []], "contains no box"),
        ("10,20,30,40", "of type str"),
        ([10, 20, 30, 40], "lists int"),
        ([[[10, 20, 30, 40]]], "lists list"),
        ({"x": 1, "y": 2, "width": 3}, "None for height"),
        ({**BOX, "x": None}, "None for x"),
        ({**BOX, "y": float("nan")}, "nan for y"),
        ({**BOX, "width": 10**400}, "for width"),
        ({**BOX, "width": 0}, "0 x 40 pixels"),
        ({**BOX, "height": -5}, "30 x -5 pixels"),
    ],
)
def test_an_invalid_box_is_rejected_in_one_sentence(data: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_person_box(data)


def test_the_person_in_the_box_is_followed() -> None:
    tracker = PersonTracker(PersonBox(190, 10, 250, 90))
    assert tracker.choose(PEOPLE[:2], SCORES[:2]) is None  # nobody is there yet
    assert tracker.choose(PEOPLE, SCORES) == 2
    assert tracker.choose(PEOPLE[::-1] + 5, SCORES) == 0


def test_an_empty_box_is_rejected_in_one_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"30 x 40 pixels at .10, 20., but nobody found in the video"):
        require_person_found(MEANT, 2, False, "the video")
