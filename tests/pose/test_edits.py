import json
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.edits.apply import apply_edits
from animatex_core.pose.edits.joints import GROUPS, OTHER_SIDE, POINT_INDEX, POINT_NAMES
from animatex_core.pose.edits.people import edit_people
from animatex_core.pose.edits.reader import read_edits
from animatex_core.pose.filtering import fill_gaps
from animatex_core.pose.keypoints import HANDS, POINTS, PoseSequence, seen
from tests.pose.edit_samples import random_poses

WRIST, ELBOW, OTHER_WRIST = (POINT_INDEX[name] for name in ("right_wrist", "right_elbow", "left_wrist"))
FRAMES = 12


@pytest.fixture
def poses() -> PoseSequence:
    """Everything is seen, and at another place in each frame."""
    points = np.random.default_rng(0).random((FRAMES, POINTS, 3)).astype(np.float32)
    points[..., 2] = 1
    return PoseSequence.from_points(points, 64, 96)


def edited(poses: PoseSequence, **content: Any) -> np.ndarray:
    return apply_edits(poses, read_edits(json.dumps({"version": 1, **content}))).points


def key(frame: int, falloff: int = 0, **places: Any) -> dict[str, Any]:
    return {"frame": frame, "falloff": falloff, **places}


class TestNothing:
    @pytest.mark.parametrize("text", ["", " \n", '{"version": 1}', '{"version": 1, "keys": [], "hide": []}'])
    def test_no_edits_return_the_same_poses(self, text: str) -> None:
        poses = random_poses(np.random.default_rng(1), 5)
        assert apply_edits(poses, read_edits(text)) is poses

    def test_points_that_are_not_edited_stay_to_the_bit(self) -> None:
        poses = random_poses(np.random.default_rng(2), FRAMES)
        found = edited(poses, keys=[key(3, 4, offsets={"nose": [0.5, 0.5]})])
        found[:, 0] = poses.points[:, 0]
        assert found.tobytes() == poses.points.tobytes()


class TestKeyPoses:
    def test_without_falloff_one_frame_moves(self, poses: PoseSequence) -> None:
        found = edited(poses, keys=[key(4, offsets={"right_wrist": [0.25, -0.5]})])
        expected = poses.points.copy()
        expected[4, WRIST, :2] += np.array([0.25, -0.5], np.float32)
        np.testing.assert_array_equal(found, expected)

    def test_falloff_blends_smoothly_into_as_many_frames_on_each_side(self, poses: PoseSequence) -> None:
        found = edited(poses, keys=[key(5, 3, offsets={"right_wrist": [1.0, 0.0]})])
        moved = (found - poses.points)[:, WRIST, 0]
        share = [0.84375, 0.5, 0.15625]  # 1 - t * t * (3 - 2 * t) at a quarter, a half and three quarters
        np.testing.assert_allclose(moved, [0, 0, *share[::-1], 1, *share, 0, 0, 0], atol=1e-6)

    def test_each_key_pose_holds_in_its_frame_and_blends_into_the_next(self, poses: PoseSequence) -> None:
        offsets = [{"right_wrist": [0.2, 0.0]}, {"right_wrist": [-0.4, 0.0]}]
        found = edited(poses, keys=[key(8, 50, offsets=offsets[1]), key(4, 50, offsets=offsets[0])])
        moved = (found - poses.points)[:, WRIST, 0]
        assert moved[4] == pytest.approx(0.2, abs=1e-6)
        assert moved[8] == pytest.approx(-0.4, abs=1e-6)
        assert moved[6] == pytest.approx(-0.1, abs=1e-6)
        assert (np.diff(moved[4:9]) < 0).all()

    def test_a_key_pose_of_another_joint_does_not_end_a_falloff(self, poses: PoseSequence) -> None:
        alone = edited(poses, keys=[key(4, 6, offsets={"right_wrist": [0.2, 0.1]})])
        both = edited(
            poses,
            keys=[
                key(4, 6, offsets={"right_wrist": [0.2, 0.1]}),
                key(6, 0, offsets={"right_elbow": [0.3, 0.0]}),
            ],
        )
        np.testing.assert_array_equal(both[:, WRIST], alone[:, WRIST])

    def test_a_missing_joint_is_placed_and_a_found_one_is_not(self, poses: PoseSequence) -> None:
        points = poses.points.copy()
        points[3:7, WRIST] = 0
        found = edited(poses.with_points(points), keys=[key(4, 100, places={"right_wrist": [0.125, 0.75]})])
        points[3:7, WRIST] = (0.125, 0.75, 1)
        np.testing.assert_array_equal(found, points)

    def test_places_blend_from_one_key_pose_to_the_next(self) -> None:
        nobody = PoseSequence.empty(FRAMES, 64, 96)
        places = [{"nose": [0.25, 0.5]}, {"nose": [0.75, 0.5]}]
        found = edited(nobody, keys=[key(2, 100, places=places[0]), key(6, 100, places=places[1])])[:, 0]
        np.testing.assert_allclose(found[2:7, 0], [0.25, 0.328125, 0.5, 0.671875, 0.75])
        assert found[0].tolist() == [0.25, 0.5, 1]
        assert found[-1].tolist() == [0.75, 0.5, 1]

    def test_missing_joints_are_not_moved(self) -> None:
        nobody = PoseSequence.empty(3, 64, 96)
        assert not edited(nobody, keys=[key(1, 1, offsets={"nose": [0.5, 0.5]})]).any()


class TestRanges:
    def test_hidden_points_are_gone_in_the_range_alone(self, poses: PoseSequence) -> None:
        found = edited(poses, hide=[{"from": 2, "to": 4, "joints": ["left_hand", "nose"]}])
        expected = poses.points.copy()
        expected[2:5, [0, *range(*HANDS[0].indices(POINTS))]] = 0
        np.testing.assert_array_equal(found, expected)

    def test_low_scores_are_shown(self, poses: PoseSequence) -> None:
        points = poses.points.copy()
        points[:, WRIST, 2] = 0.1
        points[:, ELBOW] = 0
        found = edited(poses.with_points(points), show=[{"from": 1, "to": 2}])
        assert found[:, WRIST, 2].tolist() == pytest.approx([0.1, 1, 1] + [0.1] * (FRAMES - 3))
        assert not found[:, ELBOW].any()

    def test_left_and_right_are_swapped_and_twice_is_not_at_all(self, poses: PoseSequence) -> None:
        found = edited(
            poses,
            swap=[
                {"from": 2, "to": 6, "joints": ["body", "left_hand"]},
                {"from": 5, "to": 9, "joints": ["right_wrist"]},
            ],
        )
        np.testing.assert_array_equal(found[2:5, WRIST], poses.points[2:5, OTHER_WRIST])
        np.testing.assert_array_equal(found[5:7, WRIST], poses.points[5:7, WRIST])
        np.testing.assert_array_equal(found[7:10, WRIST], poses.points[7:10, OTHER_WRIST])
        np.testing.assert_array_equal(found[2:7, HANDS[1]], poses.points[2:7, HANDS[0]])

    def test_gaps_are_filled_as_the_filter_does(self, poses: PoseSequence) -> None:
        points = poses.points.copy()
        points[3:7, WRIST] = 0
        gap = poses.with_points(points)
        found = edited(gap, fill=[{"from": 0, "to": FRAMES - 1}])
        np.testing.assert_allclose(found, fill_gaps(gap, FRAMES).points, atol=1e-6)

    def test_found_points_are_replaced_if_wanted(self, poses: PoseSequence) -> None:
        fill = {"from": 5, "to": 5, "joints": ["right_wrist"]}
        np.testing.assert_array_equal(edited(poses, fill=[fill]), poses.points)
        found = edited(poses, fill=[{**fill, "replace": True}])
        middle = poses.points[[4, 6], WRIST].mean(axis=0)
        np.testing.assert_allclose(found[5, WRIST], middle, atol=1e-6)

    def test_at_an_end_a_filled_point_stays_where_it_was_seen_last(self, poses: PoseSequence) -> None:
        found = edited(poses, fill=[{"from": 9, "to": 50, "joints": ["nose"], "replace": True}])
        np.testing.assert_array_equal(found[9:, 0], poses.points[[8] * 3, 0])

    def test_what_was_found_can_be_replaced_by_a_placed_skeleton(self, poses: PoseSequence) -> None:
        everywhere = {"from": 0, "to": FRAMES - 1, "joints": ["all"]}
        found = edited(poses, ignore=[everywhere], keys=[key(0, 1000, places={"neck": [0.5, 0.25]})])
        assert seen(found).sum() == FRAMES
        assert (found[:, POINT_INDEX["neck"]] == [0.5, 0.25, 1]).all()

    def test_hiding_comes_last(self, poses: PoseSequence) -> None:
        found = edited(
            poses,
            hide=[{"from": 0, "to": 99, "joints": ["nose"]}],
            show=[{"from": 0, "to": 99}],
            keys=[key(0, 9, places={"nose": [0.5, 0.5]}, offsets={"nose": [0.5, 0.5]})],
        )
        assert not found[:, 0].any()


EDITS_OF_12: dict[str, Any] = {
    "frames": FRAMES,
    "keys": [key(1, offsets={"nose": [0.5, 0.0]}), key(9, 8, offsets={"neck": [0.5, 0.0]})],
    "hide": [{"from": 3, "to": 11, "joints": ["face"]}, {"from": 10, "to": 11, "joints": ["arms"]}],
}


class TestAnotherLength:
    def test_what_fits_is_kept_and_a_warning_says_what_does_not(self, poses: PoseSequence) -> None:
        whole = edited(poses, **EDITS_OF_12)
        with pytest.warns(AnimateXWarning, match=r"of 12 frames.* 1 key pose and 1 range .*these 5 frames"):
            part = edited(poses.select(range(5)), **EDITS_OF_12)
        np.testing.assert_array_equal(part, whole[:5])

    def test_a_longer_video_keeps_them_without_a_warning(self, poses: PoseSequence) -> None:
        longer = poses.select([*range(FRAMES), *range(FRAMES)])
        np.testing.assert_array_equal(edited(longer, **EDITS_OF_12)[:FRAMES], edited(poses, **EDITS_OF_12))


HIDDEN = {"from": 0, "to": 99, "joints": ["nose"]}
SEVERAL: dict[str, Any] = {
    "version": 1,
    "person": 1,
    "keys": [key(1, offsets={"right_wrist": [0.5, 0.0]})],
    "others": [{"person": 0, "hide": [HIDDEN]}],
}


class TestSeveralPeople:
    def test_each_has_corrections_of_their_own(self, poses: PoseSequence) -> None:
        third = poses.with_points(poses.points[::-1])
        people = (poses, third, third)
        found = edit_people(people, 1, read_edits(json.dumps(SEVERAL)))
        assert [bool(seen(each.points[:, 0]).any()) for each in found] == [False, True, True]
        by = [
            each.points[1, WRIST, 0] - own.points[1, WRIST, 0]
            for each, own in zip(found, people, strict=True)
        ]
        assert by == pytest.approx([0, 0.5, 0], abs=1e-6)
        assert found[2] is third

    def test_edits_of_somebody_who_is_gone_are_announced(self, poses: PoseSequence) -> None:
        edits = read_edits(json.dumps({**SEVERAL, "person": 3}))
        with pytest.warns(AnimateXWarning, match=r"person 3 find nobody .* these poses are 0, 1: click"):
            found = edit_people((poses, poses), 3, edits)
        assert len(found) == 2
        assert not seen(found[0].points[:, 0]).any()
        assert found[1] is poses

    def test_a_skeleton_can_be_placed_for_somebody_who_was_not_found(self, poses: PoseSequence) -> None:
        placed = {"version": 1, "person": 2, "keys": [key(0, 99, places={"neck": [0.5, 0.25]})]}
        found = edit_people((poses,), 2, read_edits(json.dumps(placed)))
        assert [int(seen(each.points).sum()) for each in found] == [FRAMES * POINTS, 0, FRAMES]

    def test_nothing_is_corrected_as_long_as_nobody_is(self) -> None:
        chosen: dict[str, Any] = {"version": 1, "person": 1, "others": [{"person": 0}]}
        assert read_edits(json.dumps(chosen)).is_empty
        chosen["others"][0]["hide"] = [HIDDEN]
        assert not read_edits(json.dumps(chosen)).is_empty


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no", "not JSON"),
        ("[]", "must be an object"),
        ("{}", "version is None and must be 1"),
        ('{"version": 2, "strokes": []}', "version 2, but this Animate-X reads version 1: update"),
        ('{"version": true}', "version is True"),
        ('{"version": 1, "strokes": []}', "unknown field 'strokes'"),
        ('{"version": 1, "keys": {}}', "keys must be a list"),
        ('{"version": 1, "keys": [{"frame": -1}]}', "frame of key pose 0 is -1"),
        ('{"version": 1, "keys": [{"frame": 0.5}]}', "whole number"),
        ('{"version": 1, "keys": [{"frame": 1}, {"frame": 1}]}', "frame 1 has two key poses"),
        ('{"version": 1, "keys": [{"frame": 1, "color": 1}]}', "unknown field 'color'"),
        ('{"version": 1, "keys": [{"frame": 1, "offsets": {"tail": [0, 0]}}]}', "unknown joint 'tail'"),
        ('{"version": 1, "keys": [{"frame": 1, "offsets": {"nose": [NaN, 0]}}]}', "contain nan"),
        ('{"version": 1, "keys": [{"frame": 1, "places": {"nose": [1e300, 0]}}]}', "contain 1e"),
        (
            '{"version": 1, "keys": [{"frame": 1, "places": {"nose": [1' + "0" * 400 + ", 0]}}]}",
            "too many digits",
        ),
        ('{"version": 1, "keys": [{"frame": 1, "places": {"nose": [1]}}]}', "pairs of x and y"),
        ('{"version": 1, "hide": [{"from": 4, "to": 3}]}', "to of hide 0 is 3"),
        ('{"version": 1, "hide": [{"from": 4, "to": 5, "replace": true}]}', "unknown field 'replace'"),
        ('{"version": 1, "swap": [{"from": 4, "to": 5, "joints": "all"}]}', "list of names"),
        ('{"version": 1, "fill": [{"from": 4, "to": 5, "replace": 1}]}', "true or false"),
        ('{"version": 1, "person": 16}', "person of the text is 16 and must be a whole number from 0 to 15"),
        ('{"version": 1, "others": [{"person": 0}]}', "others need the person of the other edits"),
        (
            '{"version": 1, "person": 0, "others": [{"person": 0}]}',
            "others 0 must have a person of their own",
        ),
        ('{"version": 1, "person": 0, "others": [{}]}', "others 0 must have a person of their own"),
        ('{"version": 1, "person": 0, "others": [1]}', "others 0 must be an object"),
        ('{"version": 1, "person": 0, "others": [{"version": 1, "person": 1}]}', "unknown field 'version'"),
        ('{"version": 1, "frames": 1' + "0" * 400 + "}", "too many digits"),
        ('{"version": 1' + "0" * 400 + "}", "too many digits"),
        ("[" * 200 + "]" * 200, "nested deeper"),
        ("[" * 600_000, "more than 500,000"),
        (" " * (17 << 20) + "x", "characters"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="edits of the poses") as failure:
        read_edits(text)
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 400


def test_groups_and_sides_cover_all_points() -> None:
    assert len(POINT_NAMES) == POINTS
    assert sorted(GROUPS["body"] + GROUPS["left_hand"] + GROUPS["right_hand"] + GROUPS["face"]) == [
        *range(POINTS)
    ]
    np.testing.assert_array_equal(OTHER_SIDE[OTHER_SIDE], range(POINTS))
    assert POINT_NAMES[OTHER_SIDE[POINT_INDEX["left_hand_4"]]] == "right_hand_4"
    assert {"arms", "legs", "head"} < set(GROUPS)
    assert not set(GROUPS["arms"]) & set(GROUPS["legs"])
