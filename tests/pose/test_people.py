"""Several people: told apart from frame to frame, kept in files, and chosen."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from animatex_core.errors import AnimateXWarning, Cancelled, InvalidInput
from animatex_core.pose.assignment import assign
from animatex_core.pose.cache import PoseCache
from animatex_core.pose.clothing import PLACES, sample_colors
from animatex_core.pose.formats.reader import (
    openpose_from_poses,
    people_from_openpose,
    poses_from_openpose,
    read_people,
    write_poses,
)
from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.pose.people import MAX_MISSING, MAX_PEOPLE, people_sequences, without_twins
from animatex_core.pose.person_choice import person_in_mask
from tests.support.crossing_dancers import HEIGHT, WIDTH, crossing, draw_crossing, shuffled


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 20)), st.data()
)
def test_assignment_is_the_best_of_all(costs: np.ndarray, data: st.DataObject) -> None:
    forbidden = data.draw(hnp.arrays(bool, costs.shape))
    costs = np.where(forbidden, np.inf, costs)
    found = assign(costs)
    assert len(set(found.values())) == len(found)
    side = max(costs.shape)

    def score(pairs: list[tuple[int, int]]) -> tuple[int, float]:
        return len(pairs), -sum(costs[pair] for pair in pairs)

    def pairs_of(order: tuple[int, ...]) -> list[tuple[int, int]]:
        pairs = [(row, column) for row, column in enumerate(order) if row < len(costs)]
        return [each for each in pairs if each[1] < costs.shape[1] and np.isfinite(costs[each])]

    best = max(score(pairs_of(order)) for order in itertools.permutations(range(side)))
    assert score(list(found.items())) == pytest.approx(best)


def assert_same(found: PoseSequence, expected: PoseSequence, least: float = 1.0) -> None:
    """Check that the person found is the expected one in a share of the frames that show anybody."""
    shown = seen(found.points).any(axis=1)
    same = np.isclose(found.points[shown], expected.points[shown], atol=1e-6).all(axis=(1, 2))
    assert same.mean() >= least


@pytest.mark.parametrize("seed", range(6))
def test_dancers_who_cross_keep_their_numbers(seed: int) -> None:
    people = crossing(seed)
    found = people_sequences(shuffled(people, seed, covered=0.5), WIDTH, HEIGHT)
    assert len(found) == 2
    for one, expected in zip(found, people, strict=True):
        assert_same(one, expected, least=0.95)


def test_clothes_tell_apart_who_turns_back_behind_another() -> None:
    people, frames = draw_crossing(3, back=True)
    order = shuffled(people, 3, covered=0.3)
    colors = [sample_colors(frame, each) for frame, each in zip(frames, order, strict=True)]
    assert colors[0].shape == (2, PLACES, 3)
    for one, expected in zip(people_sequences(order, WIDTH, HEIGHT, colors=colors), people, strict=True):
        assert_same(one, expected, least=0.95)


def test_a_person_who_comes_back_keeps_the_number() -> None:
    people = crossing(0)
    frames = shuffled(people, 0)
    for frame in range(10, 22):
        frames[frame] = frames[frame][:0]
    found = people_sequences(frames, WIDTH, HEIGHT)
    assert len(found) == 2
    assert not seen(found[0].points[10:22]).any()


@pytest.mark.parametrize(("missing", "count"), [(MAX_MISSING, 1), (MAX_MISSING + 1, 2)])
def test_a_person_is_waited_for_only_so_long(missing: int, count: int) -> None:
    (one, _) = crossing(0)
    nobody = np.zeros((0, *one.points.shape[1:]), np.float32)
    frames = [one.points[:1], *[nobody] * missing, one.points[:1]]
    assert len(people_sequences(frames, WIDTH, HEIGHT)) == count


def test_a_person_hidden_but_for_two_joints_is_not_the_one_in_the_mask() -> None:
    (one, _) = crossing(0)
    points = one.points.copy()
    points[:, np.arange(points.shape[1]) > 1] = 0
    hidden = one.with_points(points)
    mask = np.ones((1, HEIGHT, WIDTH), bool)
    feet = one.body[0][seen(one.body[0]), 1].max()
    mask[:, int(feet * HEIGHT) :] = False
    assert person_in_mask((hidden, one), mask, 0) == 1


def test_people_of_few_frames_are_left_out_only_on_demand() -> None:
    (one, other) = crossing(1)
    frames = [np.stack([one.points[0], other.points[0]])] + [each[None] for each in one.points[1:]]
    assert len(people_sequences(frames, WIDTH, HEIGHT)) == 2
    (kept,) = people_sequences(frames, WIDTH, HEIGHT, passing=2)
    assert_same(kept, one)
    assert len(people_sequences(frames[:1], WIDTH, HEIGHT, passing=1)) == 2


def test_a_crowd_is_limited_with_a_warning() -> None:
    pose = crossing(0)[0].points[0]
    crowd = np.stack(
        [pose + (place * np.array([0.5, 0, 0])) * (pose[:, 2:] > 0) for place in range(MAX_PEOPLE + 2)]
    )
    with pytest.warns(AnimateXWarning, match=f"There are {MAX_PEOPLE + 2} people"):
        assert len(people_sequences([crowd], WIDTH, HEIGHT)) == MAX_PEOPLE


def test_a_person_found_twice_counts_once() -> None:
    (one, other) = crossing(2)
    twice = np.stack([one.points[0], other.points[0], one.points[0] + (0.001, 0.001, 0)])
    assert without_twins(twice, WIDTH, HEIGHT).tolist() == [True, True, False]


class TestFiles:
    def test_people_keep_their_numbers_even_if_they_are_absent(self, tmp_path: Path) -> None:
        people = [
            poses.with_points(np.where(seen(poses.points)[..., None], poses.points, 0))
            for poses in crossing(0)
        ]
        points = people[0].points.copy()
        points[:5] = 0
        people[0] = people[0].with_points(points)
        write_poses(tmp_path / "two.json", people)
        found = read_people(tmp_path / "two.json")
        assert len(found) == 2
        for one, expected in zip(found, people, strict=True):
            np.testing.assert_allclose(one.points[..., :2], expected.points[..., :2], atol=1e-6)
        written = openpose_from_poses(people)
        assert {len(frame["people"]) for frame in written} == {2}
        assert [person["person_id"] for person in written[0]["people"]] == [[0], [1]]

    def test_one_person_is_written_as_before(self) -> None:
        (one, _) = crossing(0)
        assert openpose_from_poses([one]) == openpose_from_poses(one)
        assert "person_id" not in openpose_from_poses(one)[0]["people"][0]

    def test_a_single_person_may_jump(self) -> None:
        (one, _) = crossing(0)
        points = one.points.copy()
        points[20:, :, 0] += np.where(seen(points[20:]), 3, 0)
        data = openpose_from_poses(one.with_points(points))
        (found,) = people_from_openpose(data)
        np.testing.assert_array_equal(found.points, poses_from_openpose(data).points)

    def test_people_without_numbers_are_followed(self) -> None:
        people = crossing(4)
        data = openpose_from_poses(people)
        for index, frame in enumerate(data):
            frame["people"] = [{**each, "person_id": [-1]} for each in frame["people"][:: (-1) ** index]]
        for one, expected in zip(people_from_openpose(data), people, strict=True):
            np.testing.assert_allclose(one.body[..., :2], expected.body[..., :2], atol=1e-5)

    @pytest.mark.parametrize(("rule", "chosen"), [(0, 0), (1, 1), ("leftmost", 0), ("best", 1)])
    def test_one_of_numbered_people_is_chosen_for_all_frames(self, rule: int | str, chosen: int) -> None:
        people = list(crossing(0))
        points = people[0].points.copy()
        points[3:6] = 0  # so that the other one has more points
        people[0] = people[0].with_points(points)
        data = openpose_from_poses(people)
        if rule == "best":
            with pytest.warns(AnimateXWarning, match="2 people are in the poses, and person 1"):
                found = poses_from_openpose(data, person="best")
        else:
            found = poses_from_openpose(data, person=rule)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.body[..., :2], people[chosen].body[..., :2], atol=1e-5)

    def test_a_number_that_nobody_has_is_rejected(self) -> None:
        with pytest.raises(InvalidInput, match="no person 2 in the poses: the people there are 0, 1"):
            poses_from_openpose(openpose_from_poses(crossing(0)), person=2)

    def test_numbers_are_those_of_the_file(self) -> None:
        people = crossing(0)
        data = openpose_from_poses(people)
        for frame in data:
            for each, number in zip(frame["people"], (7, 4), strict=True):
                each["person_id"] = [number]
        with pytest.raises(InvalidInput, match="no person 0 in the poses: the people there are 4, 7"):
            poses_from_openpose(data, person=0)
        chosen = poses_from_openpose(data, person=4)
        np.testing.assert_allclose(chosen.body[..., :2], people[1].body[..., :2], atol=1e-5)

    def test_a_crowd_with_numbers_is_limited_with_a_warning(self) -> None:
        data = openpose_from_poses(crossing(0)[0].select([0]))
        one = data[0]["people"][0]
        data[0]["people"] = [{**one, "person_id": [number]} for number in range(MAX_PEOPLE + 2)]
        with pytest.warns(AnimateXWarning, match=f"{MAX_PEOPLE + 2} people are in the poses"):
            assert len(people_from_openpose(data)) == MAX_PEOPLE

    def test_following_can_be_stopped(self) -> None:
        data = openpose_from_poses(crossing(0))
        for frame in data:
            frame["people"] = [{**each, "person_id": [-1]} for each in frame["people"]]
        reports: list[int] = []

        def stop_at_the_last_frame(done: int, total: int) -> None:
            reports.append(done)
            if reports.count(total) == 2:  # the frames are read, and then followed
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            people_from_openpose(data, progress=stop_at_the_last_frame)

    def test_the_cache_keeps_them_apart(self, tmp_path: Path) -> None:
        people, cache = crossing(0), PoseCache(tmp_path)
        cache.put_people("0" * 64, people)
        found = cache.get_people("0" * 64)
        assert found is not None
        for one, expected in zip(found, people, strict=True):
            np.testing.assert_array_equal(one.points, expected.points)
