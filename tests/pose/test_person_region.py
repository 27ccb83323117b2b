import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.estimator import CROP_SCALE
from animatex_core.pose.keypoints import POINTS
from animatex_core.pose.person import PersonRule
from animatex_core.pose.person_region import BOX_SCALE, People, PersonRegionTracker

SIZE = (100, 200)
A, B = (10, 20, 30, 100), (60, 20, 90, 100)


def people(*boxes: tuple[int, ...]) -> People:
    return People(np.array(boxes, np.float32).reshape(-1, 4), np.linspace(0.9, 0.5, len(boxes)))


def centres(rule: PersonRule, frames: list[People]) -> list[float | None]:
    where = PersonRegionTracker(rule)
    regions = [where.detected(found, *SIZE) for found in frames]
    return [None if region is None else float(region.centre[0]) for region in regions]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("best", [75, 50, 20]),
        ("leftmost", [20, None, 20]),
        ("largest", [75, None, None]),
        (1, [75, None, None]),
    ],
)
def test_where_the_person_is(rule: PersonRule, expected: list[float | None]) -> None:
    assert centres(rule, [people(B, A), people(), people(A)]) == expected


@pytest.mark.parametrize("rule", ["best", "largest", "leftmost", 0, 3])
def test_the_whole_frame_counts_where_nobody_was_ever_found(rule: PersonRule) -> None:
    assert centres(rule, [people(), people()]) == [50, 50]


def points(left: float, right: float, count: int) -> np.ndarray:
    values = np.zeros((POINTS, 3), np.float32)
    values[:count] = [[left, 0.2, 0.9]] * (count - 1) + [[right, 0.6, 0.9]]
    return values


def test_between_detections_the_seen_points_tell_where_the_person_is() -> None:
    where = PersonRegionTracker("best")
    where.detected(people(A), *SIZE)
    where.update(points(0.5, 0.7, 10), *SIZE)
    region = where.undetected()
    assert region is not None
    np.testing.assert_allclose(region.centre, [60, 80], rtol=1e-5)
    np.testing.assert_allclose(region.size[1], 80 * BOX_SCALE * CROP_SCALE, rtol=1e-5)


def test_too_few_points_tell_nothing() -> None:
    where = PersonRegionTracker("best")
    where.detected(people(A), *SIZE)
    where.update(points(0.5, 0.7, 5), *SIZE)
    region = where.undetected()
    assert region is not None
    assert region.centre.tolist() == [20, 60]


def test_one_who_was_absent_at_the_last_detection_stays_absent() -> None:
    where = PersonRegionTracker(1)
    where.detected(people(A), *SIZE)
    where.update(np.zeros((POINTS, 3), np.float32), *SIZE)
    assert where.undetected() is None


def test_a_number_in_no_frame_is_rejected_with_the_valid_ones() -> None:
    where = PersonRegionTracker(5)
    where.detected(people(A, B), *SIZE)
    with pytest.raises(
        InvalidInput, match=r"person is 5, but no frame of the video shows more than 2 people.*0 to 1"
    ):
        where.require_found()


def test_an_empty_frame_before_does_not_stand_for_the_person() -> None:
    where = PersonRegionTracker(5)
    where.detected(people(), *SIZE)
    where.detected(people(A, B), *SIZE)
    with pytest.raises(InvalidInput, match="person is 5"):
        where.require_found()


def test_without_the_whole_frame_nobody_is_nowhere() -> None:
    assert PersonRegionTracker("best").detected(people(), *SIZE) is not None
    assert PersonRegionTracker("best", whole_frame=False).detected(people(), *SIZE) is None
