import numpy as np
import pytest

from animatex_core.pose.keypoints import FACE, HANDS, JOINT, PoseSequence, seen
from animatex_core.retarget.bones import ROOT
from animatex_core.retarget.parts import ADDED_SCORE, PARTS, POINTS_OF, add_parts, drop_parts, parse_parts
from animatex_core.retarget.settings import ADDABLE
from tests.retarget.motion import STANDING, dance, figure, pixels

LEFT_ARM = {JOINT["left_elbow"], JOINT["left_wrist"], *range(*HANDS[0].indices(130))}


def only(*names: str, frames: int = 1) -> np.ndarray:
    return pixels(figure({name: STANDING[name] for name in names}, frames))


def place(points: np.ndarray, name: str) -> list[float]:
    return points[0, JOINT[name], :2].tolist()


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("left_arm", LEFT_ARM),
        ("feet", {18, 19}),
        ("legs", {9, 10, 12, 13, 18, 19}),
        ("head", {0, 14, 15, 16, 17, *range(*FACE.indices(130))}),
        ("hands", set(range(20, 62))),
    ],
)
def test_parts_hold_their_points(name: str, points: set[int]) -> None:
    assert set(POINTS_OF[name]) == points


@pytest.mark.parametrize("name", PARTS)
def test_only_the_dropped_part_is_gone(name: str) -> None:
    points = np.ones((2, 130, 3))
    gone = ~seen(drop_parts(points, [name]))
    assert set(np.flatnonzero(gone[1])) == set(POINTS_OF[name])
    assert seen(points).all()


@pytest.mark.parametrize("name", ADDABLE)
def test_what_is_seen_is_not_added(name: str) -> None:
    points = np.ones((2, 130, 3))
    np.testing.assert_array_equal(add_parts(points, [name]), points)


def test_a_limb_is_the_mirror_of_the_other_side() -> None:
    names = [name for name in STANDING if name not in ("left_elbow", "left_wrist")]
    points = only(*names)
    points[0, JOINT["right_wrist"], :2] = 100, 200
    added = add_parts(points, ["left_arm"])
    np.testing.assert_allclose(place(added, "left_elbow"), STANDING["left_elbow"])
    np.testing.assert_allclose(place(added, "left_wrist"), (300, 200))
    assert added[0, JOINT["left_wrist"], 2] == ADDED_SCORE


def test_without_the_other_side_a_limb_rests_in_human_proportions() -> None:
    body = ("nose", "neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip")
    added = add_parts(only(*body), ["arms", "legs"])
    for name in ("left_elbow", "right_wrist", "left_knee", "right_ankle", "left_toe"):
        np.testing.assert_allclose(place(added, name), STANDING[name], atol=15)
    assert not seen(added)[0, HANDS[0]].any()


def test_what_an_added_limb_hangs_from_is_added_too() -> None:
    added = add_parts(only("nose", "neck"), ["left_leg"])
    shown = set(np.flatnonzero(seen(added)[0]))
    assert shown == {0, 1, *(JOINT[f"left_{name}"] for name in ("hip", "knee", "ankle", "toe"))}


def test_limbs_follow_a_trunk_that_leans() -> None:
    lying = only("nose", "neck", "left_hip", "right_hip", "left_shoulder", "right_shoulder")
    lying[..., :2] = lying[..., 1::-1] * [1, -1] + [0, 600]
    added = add_parts(lying, ["legs"])
    x, y = place(added, "left_ankle")
    assert (x, y) == pytest.approx((STANDING["left_ankle"][1], 600 - STANDING["left_ankle"][0]), abs=15)


def test_frames_without_the_shoulder_get_no_arm() -> None:
    points = only("nose", "neck", "left_shoulder", "right_shoulder", frames=3)
    points[1, JOINT["left_shoulder"], 2] = 0
    assert seen(add_parts(points, ["left_arm"]))[:, JOINT["left_wrist"]].tolist() == [True, False, True]


@pytest.mark.parametrize("frames", [0, 2])
def test_nobody_gets_no_limbs(frames: int) -> None:
    points = PoseSequence.empty(frames, 8, 8).points.astype(float)
    np.testing.assert_array_equal(add_parts(points, ADDABLE), points)


def test_hands_are_mirrored_and_stay_as_long() -> None:
    points = pixels(dance())
    points[:, HANDS[0], 2] = 0
    added = add_parts(points, ["left_hand"])
    shown = seen(points)[:, HANDS[1]].all(axis=1)
    spread = [np.linalg.norm(np.ptp(added[shown, hand, :2][:, [0, 9]], axis=1), axis=1) for hand in HANDS]
    assert seen(added)[:, HANDS[0]].all()
    np.testing.assert_allclose(*spread)
    assert ROOT not in POINTS_OF["head"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" , ;\n", ()),
        ("legs", ("legs",)),
        ("Left Arm, EARS", ("left_arm", "ears")),
        ("left-foot;hands\nface,", ("left_foot", "hands", "face")),
        ("wing", ("wing",)),
    ],
)
def test_parts_are_listed_as_people_write_them(text: str, names: tuple[str, ...]) -> None:
    assert parse_parts(text) == names
