"""Properties of every video, character and setting."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.keypoints import POINTS, PoseSequence, seen
from animatex_core.retarget.bones import BODY_BONES
from animatex_core.retarget.retarget import (
    ADDABLE,
    PARTS,
    Box,
    Character,
    Factors,
    RetargetSettings,
    plan,
    retarget,
)
from tests.retarget import motion
from tests.retarget.motion import CARTOON, STANDING, figure, largest_change, pixels, rigid_dance, without

DANCE = motion.dance()
BOX = Box(0.2, 0.1, 0.9, 0.95)
unhurried = settings(deadline=None, max_examples=40)
Draw = Callable[[st.SearchStrategy[Any]], Any]

factors = st.builds(Factors, *[st.floats(0.1, 10)] * 6)
any_settings = st.builds(
    RetargetSettings,
    mode=st.sampled_from(("none", "align", "retarget")),
    factors=st.just(Factors()) | factors,
    drop=st.lists(st.sampled_from(PARTS), max_size=3),
    add=st.lists(st.sampled_from(ADDABLE), max_size=3),
    ground=st.booleans(),
    bound=st.floats(1, 8),
)
kept = st.builds(
    RetargetSettings,
    mode=st.sampled_from(("align", "retarget")),
    factors=st.just(Factors()) | factors,
    ground=st.booleans(),
)
joints = st.sets(st.integers(0, POINTS - 1)) | st.sets(st.integers(0, 19))


@st.composite
def clips(draw: Draw, always: PoseSequence = DANCE, gaps: bool = True) -> PoseSequence:
    """A video with any joints missing in all frames, and others with gaps."""
    gone = np.zeros((len(always), POINTS), bool)
    gone[:, sorted(draw(joints))] = True
    if gaps:
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        gone |= rng.random(gone.shape) < draw(st.sampled_from((0.0, 0.1, 0.5, 0.9)))
    return without(always, gone)


@st.composite
def characters(draw: Draw) -> Character:
    """A character with or without a pose (of one or many frames, often partly unseen) and a box."""
    whole = draw(st.sampled_from((figure(CARTOON), figure(STANDING), DANCE)))
    pose = draw(st.none() | clips(whole))
    return Character(draw(st.integers(50, 2000)), 700, pose, draw(st.sampled_from((None, BOX))))


def quietly(driving: PoseSequence, character: Character, chosen: RetargetSettings) -> PoseSequence:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnimateXWarning)
        return retarget(driving, character, chosen)


@unhurried
@given(clips(), characters(), any_settings)
def test_nothing_is_ever_not_a_number(
    driving: PoseSequence, character: Character, chosen: RetargetSettings
) -> None:
    with np.errstate(all="raise"):
        result = quietly(driving, character, chosen)  # PoseSequence rejects NaN and infinity
    assert len(result) == len(driving)
    assert result.fps == driving.fps


@unhurried
@given(st.integers(0, 2**32), st.sampled_from((0.0, 1e-30, 1.0, 1e6, 1e30)), any_settings)
def test_points_of_any_size_are_survived(seed: int, size: float, chosen: RetargetSettings) -> None:
    points = np.random.default_rng(seed).normal(size=(4, POINTS, 3)) * [size, size, 1]
    driving = PoseSequence.from_points(np.abs(points).astype(np.float32), 64, 48)
    for character in (
        Character(99, 50, driving),
        Character(99, 50, figure(CARTOON)),
        Character(9, 9, box=BOX),
    ):
        assert len(quietly(driving, character, chosen)) == 4


@unhurried
@given(clips(), characters(), kept)
def test_scores_stay_and_what_is_missing_stays_missing(
    driving: PoseSequence, character: Character, chosen: RetargetSettings
) -> None:
    result = quietly(driving, character, chosen)
    np.testing.assert_array_equal(result.points[..., 2], driving.points[..., 2])
    nowhere = driving.points[..., 2] == 0
    np.testing.assert_array_equal(result.points[nowhere], driving.points[nowhere])


@unhurried
@given(clips(), characters(), kept)
def test_bones_keep_their_angles(
    driving: PoseSequence, character: Character, chosen: RetargetSettings
) -> None:
    result = quietly(driving, character, chosen)
    upper, lower = np.array(BODY_BONES).T
    both = seen(driving.points)[:, upper] & seen(driving.points)[:, lower]
    before, after = (
        (pixels(poses)[:, lower] - pixels(poses)[:, upper])[both, :2] for poses in (driving, result)
    )
    along = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
    np.testing.assert_allclose((before * after).sum(axis=-1), along, rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("mode", ["none", "align", "retarget"])
@unhurried
@given(driving=clips(), ground=st.booleans())
def test_a_body_retargeted_to_itself_stays_as_it_is(mode: Any, driving: PoseSequence, ground: bool) -> None:
    character = Character(driving.width, driving.height, driving)
    result = quietly(driving, character, RetargetSettings(mode, ground=ground))
    np.testing.assert_allclose(result.points, driving.points, atol=1e-6)


@unhurried
@given(st.integers(0, 2**32), st.integers(0, 5))
def test_a_body_retargeted_to_one_of_its_frames_is_only_shifted(seed: int, frame: int) -> None:
    driving = rigid_dance(seed)
    result = retarget(driving, Character(driving.width, driving.height, driving.select([frame])))
    shift = (pixels(result) - pixels(driving))[seen(driving.points)]
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-2)


@unhurried
@given(clips(), st.floats(0.2, 5), st.floats(-300, 300), st.integers(100, 3000), characters(), kept)
def test_the_size_and_place_of_the_dancer_do_not_matter(
    driving: PoseSequence,
    size: float,
    shift: float,
    width: int,
    character: Character,
    chosen: RetargetSettings,
) -> None:
    assume(seen(driving.points).any())
    assume(plan(driving, character, chosen).how != "passed on")
    points = (pixels(driving) * [size, size, 1] + [shift, -shift, 0]) / [width, 800, 1]
    other = PoseSequence.from_points(points, width, 800, driving.fps)
    results = [quietly(poses, character, chosen) for poses in (driving, other)]
    assert largest_change(*results) < 0.2


@unhurried
@given(clips(gaps=False), characters(), kept)
def test_a_small_move_of_the_dancer_is_a_small_move_of_the_character(
    driving: PoseSequence, character: Character, chosen: RetargetSettings
) -> None:
    # Hands come and go in this dance; the rest is visible in all frames or in none.
    chosen_plan = plan(driving, character, chosen)
    result = quietly(driving, character, chosen)
    body = seen(driving.body[0])
    moves, answers = (np.abs(np.diff(pixels(poses)[:, :20, :2], axis=0)) for poses in (driving, result))
    # Down the longest way, neck to toe, each of four bones may change by both of its ends' moves; the ground
    # shift adds the move of a foot and that of the lowest foot.
    most = 2 * (chosen_plan.motion.scale + 2 * 4 * chosen_plan.ratios.max()) + chosen_plan.motion.scale
    limit = most * moves[:, body].max(axis=(1, 2), initial=0) + 1e-2
    assert (answers[:, body].max(axis=(1, 2), initial=0) <= limit).all()
