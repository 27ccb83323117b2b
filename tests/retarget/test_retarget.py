import warnings
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.keypoints import JOINT, PoseSequence, seen
from animatex_core.retarget.bones import KIND
from animatex_core.retarget.retarget import (
    Box,
    Character,
    Factors,
    RetargetSettings,
    plan,
    retarget,
    retarget_with_plan,
)
from tests.retarget.motion import (
    CARTOON,
    HEIGHT,
    STANDING,
    WIDTH,
    dance,
    figure,
    joint,
    largest_change,
    pixels,
    without,
)

PERSON = figure(STANDING)
TOON = Character(WIDTH, HEIGHT, figure(CARTOON))
BOXED = Character(1000, 500, box=Box(0.2, 0.1, 0.6, 0.9))  # 200 to 600 and 50 to 450 pixels
TOES = ("left_toe", "right_toe")


def shown(joints: dict[str, tuple[int, int]], *ends: str) -> PoseSequence:
    """Return a figure that shows only the joints whose names end so."""
    return figure({name: place for name, place in joints.items() if name.endswith(ends)})


def jumping(heights: list[int]) -> PoseSequence:
    """Return the standing person, lifted by so many pixels in each frame."""
    points = pixels(figure(STANDING, len(heights)))
    points[..., 1] -= np.array(heights)[:, None] * seen(points)
    return PoseSequence.from_points(points / [WIDTH, HEIGHT, 1], WIDTH, HEIGHT)


# Mode none: the official behaviour.


def test_as_released_nothing_changes() -> None:
    poses = dance()
    for character in (TOON, BOXED, Character(8, 8)):
        result = retarget(poses, character, RetargetSettings("none"))
        np.testing.assert_array_equal(result.points, poses.points)
        assert (result.width, result.height, result.fps) == (poses.width, poses.height, 24.0)


def test_as_released_factors_act_about_the_dancer_himself() -> None:
    result = retarget(PERSON, TOON, RetargetSettings("none", factors=Factors(legs=0.5, arms=2)))
    assert joint(result, "left_hip") == (222, 284)
    assert joint(result, "left_ankle") == (222, 284 + 211 / 2)
    assert joint(result, "right_wrist") == (162 - 2 * 7, 163 + 2 * 130)


@pytest.mark.parametrize(
    ("factor", "moved"),
    [
        ("body", ("hip", "knee", "ankle", "toe")),
        ("legs", ("knee", "ankle", "toe")),
        ("arms", ("elbow", "wrist")),
        ("neck", ("nose", "eye", "ear")),
        ("shoulders", ("shoulder", "elbow", "wrist")),
        ("face", ("eye", "ear")),
    ],
)
def test_each_factor_moves_its_part_and_what_hangs_from_it(factor: str, moved: tuple[str, ...]) -> None:
    result = retarget(PERSON, TOON, RetargetSettings("none", factors=Factors(**{factor: 1.5})))
    changed = {name for name in STANDING if joint(result, name) != joint(PERSON, name)}
    assert changed == {name for name in STANDING if name.endswith(moved)}


@pytest.mark.parametrize("character", [TOON, BOXED])
def test_points_of_score_zero_keep_their_numbers(character: Character) -> None:
    driving = figure(STANDING)
    driving.body[0, JOINT["left_wrist"]] = -1, -1, 0
    assert retarget(driving, character).body[0, JOINT["left_wrist"]].tolist() == [-1, -1, 0]


# By a reference pose.


def test_aligned_the_dancer_has_the_size_and_place_of_the_character() -> None:
    points = pixels(PERSON) * [0.5, 0.5, 1] + [100, 50, 0]
    smaller = PoseSequence.from_points(points / [800, 900, 1], 800, 900)
    result = retarget(PERSON, Character(800, 900, smaller), RetargetSettings("align"))
    assert (result.width, result.height) == (800, 900)
    np.testing.assert_allclose(pixels(result)[seen(result.points)], points[seen(points)], atol=1e-3)


def test_aligning_keeps_the_proportions_of_the_dancer() -> None:
    chosen = plan(PERSON, TOON, RetargetSettings("align"))
    assert set(chosen.ratios) == {chosen.motion.scale}
    assert (chosen.how, chosen.description) == ("aligned", "aligned, 1.13 times as large")


def test_retargeted_the_bones_are_the_characters() -> None:
    result = retarget(PERSON, TOON, RetargetSettings(bound=9))
    assert joint(result, "neck") == (200, 300)
    assert joint(result, "nose") == (200, 200)
    shoulder = np.hypot(120, 10)
    assert joint(result, "left_shoulder") == pytest.approx((200 + shoulder, 300), abs=0.1)
    x, y = joint(result, "left_hip")
    assert joint(result, "left_ankle") == pytest.approx((x, y + 100), abs=0.1)
    assert plan(PERSON, TOON).description == "retargeted by 17 bones, 1.13 times as large"


def test_angles_survive_images_of_other_shapes() -> None:
    wide = Character(3000, 300, figure(CARTOON))
    x, y = np.subtract(
        joint(retarget(PERSON, wide), "right_elbow"), joint(retarget(PERSON, wide), "right_shoulder")
    )
    assert x / y == pytest.approx(-7 / 67, rel=1e-3)


def test_a_portrait_lends_its_size_to_what_it_does_not_show() -> None:
    portrait = Character(WIDTH, HEIGHT, shown(STANDING, "nose", "neck", "shoulder"))
    assert largest_change(retarget(PERSON, portrait), PERSON) < 1e-3


def test_without_its_middle_joint_a_limb_hangs_from_the_one_above() -> None:
    ratios = plan(PERSON, TOON).ratios
    gone = np.zeros((2, 130), bool)
    gone[0, JOINT["left_elbow"]] = True
    result = retarget(without(figure(STANDING, 2), gone), TOON)
    assert not seen(result.body)[0, JOINT["left_elbow"]]
    # The upper arm's and the forearm's ratio count by their human lengths, 0.15 and 0.14 of the body height.
    upper, fore = ratios[KIND["upper_arm"]], ratios[KIND["forearm"]]
    reach = np.subtract(joint(result, "left_wrist"), joint(result, "left_shoulder"))
    assert reach[1] == pytest.approx(130 * (0.15 * upper + 0.14 * fore) / 0.29, abs=0.05)


def test_a_limb_out_of_place_does_not_draw_the_figure_along() -> None:
    strange = pixels(PERSON)
    strange[0, JOINT["left_wrist"], :2] = 390, 10
    character = Character(
        WIDTH, HEIGHT, PoseSequence.from_points(strange / [WIDTH, HEIGHT, 1], WIDTH, HEIGHT)
    )
    assert largest_change(retarget(PERSON, character, RetargetSettings("align")), PERSON) < 1e-3


@pytest.mark.parametrize("mode", ["align", "retarget"])
def test_a_left_leg_and_a_right_leg_are_comparable(mode: Any) -> None:
    left, right = (
        figure({name: place for name, place in STANDING.items() if name.startswith(side)})
        for side in ("left", "right")
    )
    result = retarget(left, Character(WIDTH, HEIGHT, right), RetargetSettings(mode))
    assert joint(result, "left_knee")[1] == pytest.approx(394, abs=0.1)


def test_a_lost_neck_does_not_throw_the_figure() -> None:
    whole = dance()
    gone = np.zeros((len(whole), 130), bool)
    gone[5:9, [JOINT["neck"], JOINT["left_shoulder"]]] = True
    results = [retarget(poses, TOON, RetargetSettings(bound=9)) for poses in (whole, without(whole, gone))]
    arm = [JOINT["left_elbow"], JOINT["left_wrist"]]
    moved = np.abs(pixels(results[0]) - pixels(results[1]))[5:9, :20]
    assert np.delete(moved, [*arm, JOINT["neck"], JOINT["left_shoulder"]], axis=1).max() < 40


def test_factors_come_on_top_of_the_bound() -> None:
    plain, longer = (
        plan(PERSON, TOON, RetargetSettings(bound=1, factors=Factors(neck=factor))) for factor in (1, 5)
    )
    assert longer.ratios[KIND["neck"]] == pytest.approx(5 * plain.ratios[KIND["neck"]])


def test_a_long_video_and_a_reference_of_many_frames_are_measured_whole() -> None:
    half = without(PERSON, np.arange(130) == JOINT["nose"]).points
    reference = PoseSequence.from_points(
        np.concatenate([np.zeros_like(half), half, PERSON.points]), WIDTH, HEIGHT
    )
    result = retarget(figure(STANDING, 3), Character(WIDTH, HEIGHT, reference))
    assert largest_change(result, figure(STANDING, 3)) < 1e-3


# By a box.


@pytest.mark.parametrize("mode", ["align", "retarget"])
def test_a_person_fills_the_height_of_the_box(mode: Any) -> None:
    result = retarget(PERSON, BOXED, RetargetSettings(mode))
    ground = [joint(result, name)[1] for name in TOES]
    assert ground == pytest.approx([450, 450], abs=3)
    assert joint(result, "neck")[0] == pytest.approx(400)
    # The nose is 0.085 of the body height below the top of the head.
    assert joint(result, "nose")[1] == pytest.approx(50 + 0.085 * 400, abs=5)
    assert plan(PERSON, BOXED).description == "fitted to the character's box, 0.89 times as large"


@pytest.mark.parametrize(
    "ends",
    [
        ("nose", "neck", "shoulder", "elbow", "wrist"),
        ("nose", "neck"),
        ("neck", "hip", "knee"),
        ("hip", "knee", "ankle"),
        ("hip", "knee"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
    ],
)
def test_what_is_not_visible_is_estimated_by_proportions(ends: tuple[str, ...]) -> None:
    whole, part = retarget(PERSON, BOXED), retarget(shown(STANDING, *ends), BOXED)
    assert largest_change(whole, part) < 12


def test_in_a_wide_box_the_dancer_stands_in_the_middle_at_its_height() -> None:
    wide = retarget(PERSON, Character(1000, 500, box=Box(0, 0.1, 0.8, 0.9)))
    assert largest_change(wide, retarget(PERSON, BOXED)) < 1e-3


def test_factors_shape_the_dancer_before_he_is_fitted() -> None:
    result = retarget(PERSON, BOXED, RetargetSettings(factors=Factors(legs=0.4)))
    assert joint(result, "left_toe")[1] == pytest.approx(450, abs=6)
    assert joint(result, "nose")[1] == pytest.approx(50 + 0.085 * 400, abs=15)


def test_without_legs_head_and_trunk_fill_the_box() -> None:
    result = retarget(PERSON, BOXED, RetargetSettings(drop=("left_leg", "right_leg")))
    assert joint(result, "left_hip")[1] == pytest.approx(450 - 400 * 0.06, abs=6)
    assert joint(result, "nose")[1] == pytest.approx(50 + 400 * 0.17, abs=6)
    assert not seen(result.body)[0, JOINT["left_knee"]]


def test_jumps_leave_the_ground_of_the_box() -> None:
    result = retarget(jumping([0] * 8 + [50, 50]), BOXED)
    assert joint(result, "left_toe", 0)[1] == pytest.approx(450, abs=3)
    assert joint(result, "left_toe", 9)[1] == pytest.approx(450 - 50 * 400 / 448, abs=3)


def test_a_useless_reference_pose_gives_way_to_the_box() -> None:
    both = Character(1000, 500, shown(CARTOON, "left_wrist", "left_elbow"), BOXED.box)
    assert plan(PERSON, both).how == "fitted"
    np.testing.assert_array_equal(retarget(PERSON, both).points, retarget(PERSON, BOXED).points)


def test_a_foot_found_too_low_does_not_lower_the_ground() -> None:
    result = retarget(jumping([0] * 9 + [-80]), BOXED)
    assert joint(result, "left_toe", 0)[1] == pytest.approx(450, abs=3)


# Without pose and box.


@pytest.mark.parametrize(
    ("driving", "character", "reason"),
    [
        (PERSON, Character(99, 50), "nothing is known .* a mask or a box"),
        (PERSON, Character(99, 50, shown(CARTOON, "left_wrist")), "shares too few bones .* a mask or box"),
        (figure({}, 2), TOON, "too little of a person"),
        (figure({}, 0), BOXED, "too little of a person"),
        (shown(STANDING, "left_ear"), BOXED, "too little of a person"),
    ],
)
def test_what_cannot_be_done_causes_a_warning_and_the_poses_pass(
    driving: PoseSequence, character: Character, reason: str
) -> None:
    with pytest.warns(AnimateXWarning, match=f"The poses were passed on .*{reason}"):
        result = retarget(driving, character)
    np.testing.assert_array_equal(result.points, driving.points)
    assert (result.width, result.height) == (driving.width, driving.height)


def test_otherwise_nothing_is_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        retarget(PERSON, TOON)
        retarget(PERSON, BOXED)
        retarget(PERSON, Character(8, 8), RetargetSettings("none"))


# The ground.


def test_feet_stay_on_the_characters_ground() -> None:
    heights = [0, 0, 0, 40, 0]
    bent = pixels(jumping(heights))
    legs = [JOINT[name] for name in STANDING if name.endswith(("knee", "ankle", "toe"))]
    bent[2, np.setdiff1d(np.arange(20), legs), 1] += 60  # crouching
    driving = PoseSequence.from_points(bent / [WIDTH, HEIGHT, 1], WIDTH, HEIGHT)
    result = retarget(driving, TOON, RetargetSettings(ground=True))
    ankles = [joint(result, "left_ankle", frame)[1] for frame in range(5)]
    lift = 40 * plan(driving, TOON).motion.scale
    assert ankles == pytest.approx([540, 540, 540, 540 - lift, 540], abs=0.5)


@pytest.mark.parametrize(
    ("character", "ground"),
    [
        (Character(WIDTH, HEIGHT, shown(CARTOON, "neck", "hip", "shoulder"), Box(0, 0, 1, 0.75)), 450),
        (Character(WIDTH, HEIGHT, shown(STANDING, "neck", "hip", "shoulder")), 524),
        (Character(WIDTH, HEIGHT, shown(STANDING, "neck", "hip", "shoulder", "ankle")), 524),
        (BOXED, 450),
    ],
)
def test_a_character_without_feet_has_a_ground_all_the_same(character: Character, ground: float) -> None:
    result = retarget(PERSON, character, RetargetSettings(ground=True))
    assert joint(result, "left_toe")[1] == pytest.approx(ground, abs=3)


def test_short_legs_can_be_put_back_on_the_ground() -> None:
    result = retarget(PERSON, TOON, RetargetSettings("none", factors=Factors(legs=0.5), ground=True))
    assert joint(result, "left_toe")[1] == pytest.approx(524)


def test_frames_without_feet_move_like_those_around_them() -> None:
    gone = np.zeros((5, 130), bool)
    gone[2, 8:14] = gone[2, 18:20] = True
    result = retarget(without(figure(STANDING, 5), gone), TOON, RetargetSettings(ground=True))
    assert joint(result, "nose", 2) == joint(result, "nose", 1)
    nofeet = retarget(shown(STANDING, "nose", "neck", "hip"), TOON, RetargetSettings(ground=True))
    np.testing.assert_array_equal(
        nofeet.points, retarget(shown(STANDING, "nose", "neck", "hip"), TOON).points
    )


@pytest.mark.parametrize(("legs", "trusted"), [(True, True), (False, False)])
def test_a_useless_pose_is_not_passed_on(legs: bool, trusted: bool) -> None:
    own = figure(STANDING if legs else {"left_eye": (200, 100)})
    character = Character(WIDTH, HEIGHT, own, Box(0.1, 0.1, 0.9, 0.9))
    chosen = plan(dance(), character)
    assert chosen.own_pose(character) is (own if trusted else None)


@pytest.mark.parametrize("character", [TOON, BOXED, Character(8, 8)], ids=["pose", "box", "unknown"])
@pytest.mark.filterwarnings("ignore:The poses were passed on")
def test_poses_and_plan_come_from_one_call(character: Character) -> None:
    settings = RetargetSettings(ground=True, add=("ears",))
    result = retarget_with_plan(dance(), character, settings)
    expected = plan(dance(), character, settings)
    np.testing.assert_array_equal(result.poses.points, retarget(dance(), character, settings).points)
    assert result.plan.description == expected.description
    assert result.own_pose is expected.own_pose(character)


def test_the_warning_names_the_caller() -> None:
    for function in (retarget, retarget_with_plan):
        with pytest.warns(AnimateXWarning, match="passed on") as caught:
            function(PERSON, Character(8, 8))
        assert [warning.filename for warning in caught] == [__file__]
