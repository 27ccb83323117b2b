import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.formats.reader import openpose_from_poses, poses_from_openpose
from animatex_core.pose.person import PersonPoint, PersonTracker
from tests.support.crossing_dancers import crossing

LEFT, RIGHT = (10.0, 20.0, 50.0, 180.0), (40.0, 20.0, 90.0, 180.0)


@pytest.mark.parametrize(("point", "chosen"), [((0.15, 0.5), 0), ((0.8, 0.5), 1), ((0.48, 0.5), 1)])
def test_the_person_around_a_point_is_chosen_and_followed(point: tuple[float, float], chosen: int) -> None:
    tracker = PersonTracker(PersonPoint(*point))
    assert tracker.choose(np.array([LEFT, RIGHT]), np.ones(2), (100, 200)) == chosen
    assert tracker.choose(np.array([RIGHT, LEFT]), np.ones(2), (100, 200)) == 1 - chosen


def test_a_point_chooses_among_numbered_people() -> None:
    people = crossing(0)
    x, y = people[1].body[0, 1, :2]
    found = poses_from_openpose(openpose_from_poses(people), person=PersonPoint(float(x), float(y)))
    np.testing.assert_allclose(found.body[..., :2], people[1].body[..., :2], atol=1e-5)


def test_nobody_at_a_point_is_said_in_a_sentence() -> None:
    data = openpose_from_poses(crossing(0))
    with pytest.raises(InvalidInput, match="The point is at 0, 0, but nobody found in the poses is there"):
        poses_from_openpose(data, person=PersonPoint(0.0, 0.0))
