import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose import person
from animatex_core.pose.person import MAX_CROWD, MAX_MISSED, PersonRule, PersonTracker

LEFT, MIDDLE, RIGHT = (0.05, 0.2, 0.2, 0.8), (0.4, 0.1, 0.6, 0.9), (0.8, 0.3, 0.9, 0.7)


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def run(rule: PersonRule, frames: list[np.ndarray]) -> list[int | None]:
    tracker = PersonTracker(rule)
    return [tracker.choose(frame, np.linspace(0.5, 0.9, len(frame))) for frame in frames]


@pytest.mark.parametrize(
    ("rule", "chosen"), [("best", 2), ("largest", 1), ("leftmost", 2), (0, 2), (1, 1), (2, 0), (3, None)]
)
def test_the_rules_in_one_frame(rule: PersonRule, chosen: int | None) -> None:
    assert run(rule, [boxes(RIGHT, MIDDLE, LEFT)]) == [chosen]


@pytest.mark.parametrize("rule", ["best", "largest", "leftmost", 0])
def test_nobody_is_chosen_where_nobody_is(rule: PersonRule) -> None:
    assert run(rule, [boxes(), boxes(MIDDLE)]) == [None, 0]


def test_best_is_never_followed() -> None:
    tracker = PersonTracker("best")
    assert tracker.choose(boxes(LEFT, RIGHT), np.array([0.9, 0.4])) == 0
    assert tracker.choose(boxes(LEFT, RIGHT), np.array([0.4, 0.9])) == 1


@pytest.mark.parametrize("rule", ["largest", "leftmost", 0, 1])
def test_a_person_who_crosses_the_image_is_followed(rule: PersonRule) -> None:
    across = [(x, 0.1, x + 0.2, 0.9) for x in np.linspace(0.0, 0.8, 30)]
    back = [(0.9 - 0.9 * box[0], 0.0, 1.0 - 0.9 * box[0], 0.3) for box in across]
    frames = [boxes(back[i], across[i]) if i % 2 else boxes(across[i], back[i]) for i in range(30)]
    first = 0 if rule != 1 else 1
    assert run(rule, frames) == [i % 2 if first == 0 else 1 - i % 2 for i in range(30)]


def test_a_number_waits_for_the_first_frame_that_has_so_many() -> None:
    frames = [boxes(LEFT), boxes(LEFT, RIGHT), boxes(RIGHT, LEFT)]
    assert run(1, frames) == [None, 1, 0]


def test_a_missed_person_is_not_replaced_by_a_neighbour() -> None:
    neighbour = (0.15, 0.2, 0.3, 0.8)
    frames = [boxes(LEFT, neighbour), boxes(neighbour), boxes(neighbour), boxes(neighbour, LEFT)]
    assert run("leftmost", frames) == [0, None, None, 1]


@pytest.mark.parametrize(("absent", "found"), [(MAX_MISSED, None), (MAX_MISSED + 1, 0)])
def test_after_a_long_absence_another_person_is_chosen(absent: int, found: int | None) -> None:
    frames = [boxes(LEFT, RIGHT)] + [boxes(RIGHT)] * absent
    assert run("leftmost", frames)[-1] == found


def test_one_who_comes_back_in_time_is_known_again() -> None:
    frames = [boxes(LEFT, RIGHT), *[boxes()] * MAX_MISSED, boxes(RIGHT, LEFT)]
    assert run("leftmost", frames) == [0, *[None] * MAX_MISSED, 1]


def test_a_leap_without_overlap_is_followed_to_the_one_of_like_size() -> None:
    start, leap, large = (0.0, 0.4, 0.1, 0.6), (0.12, 0.4, 0.22, 0.6), (0.1, 0.0, 0.9, 1.0)
    assert run("leftmost", [boxes(start), boxes(large, leap)]) == [0, 1]


def test_pixels_choose_as_parts_do_and_the_boxes_given_stay_as_they_were() -> None:
    frames = [boxes(LEFT, RIGHT) * 1000, boxes(RIGHT, LEFT) * 1000]
    copies = [frame.copy() for frame in frames]
    assert run("leftmost", frames) == [0, 1]
    np.testing.assert_array_equal(frames, copies)


def test_boxes_without_area_break_nothing() -> None:
    flat = boxes((0.5, 0.5, 0.5, 0.5))
    assert run("largest", [flat, flat, boxes()]) == [0, 0, None]


@pytest.mark.parametrize("rule", ["tallest", -1, 1.5, None, True])
def test_an_unknown_rule_is_rejected(rule: object) -> None:
    with pytest.raises(InvalidInput, match="person"):
        PersonTracker(rule)  # type: ignore[arg-type]


def test_who_crosses_another_comes_out_on_the_other_side() -> None:
    tracker, chosen = PersonTracker(1), []
    for step in range(12):
        blue, red = 10 + 11 * step, 130 - 11 * step
        boxes = [(blue, 10, blue + 40, 110), (red, 20, red + 30, 100)]
        hidden = blue - 20 < red < blue + 20
        index = tracker.choose(np.array(boxes[:1] if hidden else boxes, float), np.ones(2 - hidden))
        chosen.append(None if index is None else ("blue", "red")[index])
    assert chosen == ["red"] * 5 + [None] * 2 + ["red"] * 5


def test_in_a_crowd_only_those_nearby_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 1 MB may show thousands of people in each of two frames."""
    generator, compared = np.random.default_rng(0), list[tuple[int, ...]]()
    affinity = person._affinity

    def counted(people: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        compared.append((len(people), len(boxes)))
        return affinity(people, boxes)

    monkeypatch.setattr(person, "_affinity", counted)
    corners = generator.random((5000, 2)) * 1000
    frame = np.concatenate([corners, corners + 10], axis=1)
    order = generator.permutation(5000)
    tracker = PersonTracker(7)
    chosen = tracker.choose(frame, np.ones(5000))
    assert chosen is not None
    later = tracker.choose(frame[order], np.ones(5000))
    assert later is not None
    assert order[later] == chosen
    assert compared == [(MAX_CROWD, MAX_CROWD)]
