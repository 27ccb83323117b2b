import numpy as np
import pytest

from animatex_core.pose.keypoints import FACE, HANDS, JOINT, seen
from animatex_core.retarget.bones import KIND, KINDS
from animatex_core.retarget.measure import LENGTHS, bone_ratios, common_scale, measure_lengths, stature
from tests.retarget.motion import CARTOON, STANDING, dance, figure, pixels

PERSON = measure_lengths(pixels(figure(STANDING)))


def test_a_standing_person_is_as_high_as_he_was_drawn() -> None:
    assert stature(PERSON) == pytest.approx(448, rel=0.01)


@pytest.mark.parametrize(
    "shown",
    [("nose", "neck"), ("left_knee", "left_hip"), ("left_elbow", "left_wrist"), ("neck", "left_shoulder")],
)
def test_a_single_bone_tells_the_stature(shown: tuple[str, str]) -> None:
    parts = figure({name: STANDING[name] for name in shown})
    assert stature(measure_lengths(pixels(parts))) == pytest.approx(448, rel=0.02)


def test_nobody_has_no_stature() -> None:
    assert stature(measure_lengths(pixels(figure({}, 3)))) == 0
    assert stature(measure_lengths(pixels(figure({}, 0)))) == 0


def test_foreshortened_frames_do_not_shorten_a_bone() -> None:
    points = pixels(figure(STANDING, 10))
    points[:5, :, 1] *= 0.5
    body = slice(7)  # a face has no bones, only its usual size
    np.testing.assert_allclose(measure_lengths(points)[body], PERSON[body])


@pytest.mark.parametrize(
    ("kind", "pairs"), [("face", [(36, 45), (27, 8)]), ("hand", [(0, 5), (0, 9)]), ("hand", [(0, 9)])]
)
def test_faces_and_hands_are_measured_by_their_points(kind: str, pairs: list[tuple[int, int]]) -> None:
    start = {"face": FACE.start, "hand": HANDS[0].start}[kind]
    points = pixels(figure({name: STANDING[name] for name in ("neck", "nose", "left_hip")}))
    for size, (first, second) in zip((20, 30), pairs, strict=False):
        points[:, [start + first, start + second], 2] = 1
        points[:, start + second, :2] = points[:, start + first, :2] + [0, size]
    larger = points * [3, 3, 1]
    ratios = bone_ratios(measure_lengths(points), measure_lengths(larger), 1.0, 9.0)
    assert ratios[KIND[kind]] == pytest.approx(3)
    assert np.count_nonzero(measure_lengths(points)) == 2 + len(pairs)


def test_tiny_bones_tell_nothing() -> None:
    points = pixels(figure(STANDING))
    points[:, [JOINT["left_shoulder"], JOINT["right_shoulder"]]] = points[:, [JOINT["neck"]]] + [1, 0, 0]
    assert list(np.flatnonzero((measure_lengths(points) == 0) & (PERSON > 0))) == [4]


def test_each_kind_of_bone_has_the_ratio_of_its_lengths() -> None:
    cartoon = measure_lengths(pixels(figure(CARTOON)))
    ratios = dict(zip(KINDS, bone_ratios(PERSON, cartoon, 1.0, 9.0), strict=True))
    assert ratios["thigh"] == pytest.approx(50 / 110)
    assert ratios["neck"] == pytest.approx(100 / 49)
    assert ratios["face"] == pytest.approx(
        np.median([np.hypot(60, 30) / np.hypot(8, 9), np.hypot(80, 20) / np.hypot(10, 5)])
    )


def test_the_scale_is_that_of_the_middle_of_the_body() -> None:
    cartoon = measure_lengths(pixels(figure(CARTOON)))
    assert common_scale(PERSON, 3 * PERSON) == pytest.approx(3)
    assert common_scale(PERSON, cartoon) == pytest.approx(np.hypot(30, 70) / np.hypot(7, 67))


def test_bodies_that_share_less_than_two_kinds_of_bones_are_not_compared() -> None:
    arms = figure({name: STANDING[name] for name in ("left_elbow", "left_wrist")})
    assert common_scale(PERSON, measure_lengths(pixels(arms))) is None
    assert common_scale(PERSON, np.zeros_like(PERSON)) is None


@pytest.mark.parametrize(
    ("bound", "longest", "face"), [(1.0, 2.0, 2.0), (2.0, 4.0, 8.0), (60.0, 100.0, 100.0)]
)
def test_ratios_are_bounded_around_the_scale(bound: float, longest: float, face: float) -> None:
    ratios = bone_ratios(PERSON, 100 * PERSON, 2.0, bound)
    assert ratios[KIND["thigh"]] == pytest.approx(longest)
    assert ratios[KIND["face"]] == pytest.approx(face)
    assert bone_ratios(PERSON, 0.001 * PERSON, 2.0, bound)[KIND["thigh"]] == pytest.approx(
        max(2 / bound, 0.001)
    )


@pytest.mark.parametrize(
    ("known", "like_it"),
    [("shin", ("thigh", "foot")), ("upper_arm", ("forearm", "hand")), ("neck", ("face",))],
)
def test_unmeasured_bones_go_with_their_neighbours(known: str, like_it: tuple[str, ...]) -> None:
    ends = {"shin": ("knee", "ankle"), "upper_arm": ("shoulder", "elbow"), "neck": ("neck", "nose")}[known]
    names = [name for name in STANDING if name.endswith(ends)]
    reference = measure_lengths(2 * pixels(figure({name: STANDING[name] for name in names})) * [1, 1, 0.5])
    ratios = bone_ratios(PERSON, reference, 1.0, 9.0)
    assert {kind for kind in KINDS if ratios[KIND[kind]] == pytest.approx(2)} == {known, *like_it}


def test_a_length_is_a_quantile_of_what_is_seen() -> None:
    points = pixels(dance())
    found = measure_lengths(points)
    shoulders = points[:, [JOINT["right_shoulder"], JOINT["left_shoulder"]]]
    away = np.linalg.norm(shoulders[..., :2] - points[:, [JOINT["neck"]], :2], axis=-1)
    both = seen(shoulders) & seen(points[:, [JOINT["neck"]]])
    index = [length.kind for length in LENGTHS].index("shoulder")
    assert found[index] == np.quantile(away[both], 0.9)
    assert not measure_lengths(points[:0]).any()
