from dataclasses import fields

import numpy as np
import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import JOINT, PoseSequence, seen
from animatex_core.retarget.bones import BODY_BONES, BONES_OF, KIND
from animatex_core.retarget.parts import POINTS_OF
from animatex_core.retarget.settings import Factors
from animatex_core.training.epi.indicator import ExplicitPoseIndicator, Transformation
from animatex_core.training.epi.pose_pool import PosePool
from animatex_core.training.epi.settings import SWITCHES, EpiSettings, FactorRanges
from tests.retarget.motion import CARTOON, STANDING, dance, figure, pixels, rigid_dance, without

SAME = dict.fromkeys((each.name for each in fields(FactorRanges)), (1.0, 1.0))
ALL = EpiSettings(probability=1)
LEGS = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "ankle", "toe")]


def indicator(settings: EpiSettings = ALL, *anchors: PoseSequence) -> ExplicitPoseIndicator:
    return ExplicitPoseIndicator(PosePool(anchors or (figure(CARTOON), dance())), settings)


def draw(settings: EpiSettings, seed: int, *anchors: PoseSequence) -> Transformation:
    transformation = indicator(settings, *anchors).transformation(np.random.default_rng(seed))
    assert transformation is not None
    return transformation


def bones(poses: PoseSequence) -> np.ndarray:
    """(f, bones, 2): vectors of the body's bones in pixels."""
    ends = pixels(poses)[:, np.array(BODY_BONES), :2]
    return ends[:, :, 1] - ends[:, :, 0]


@pytest.mark.parametrize(
    "factors", [{}, {"legs": 0.5, "arms": 2.0}, {"body": 1.5, "shoulders": 0.7, "neck": 2}]
)
def test_the_result_has_the_bones_of_the_anchor_times_the_factors(factors: dict[str, float]) -> None:
    ranges = FactorRanges(**{**SAME, **{part: (value, value) for part, value in factors.items()}})
    settings = EpiSettings(probability=1, ranges=ranges, factor_chance=1, drop=False, add=False)
    result = indicator(settings, figure(CARTOON))(rigid_dance(3), np.random.default_rng(0))
    kinds = [BONES_OF[child].kind for _, child in BODY_BONES]
    limbs = [index for index, kind in enumerate(kinds) if kind not in ("face", "foot")]
    scaled = Factors(**factors).ratios()[[KIND[kinds[index]] for index in limbs]]
    wanted = np.linalg.norm(bones(figure(CARTOON)), axis=-1)[:, limbs] * scaled
    ratios = np.linalg.norm(bones(result), axis=-1)[:, limbs] / wanted
    np.testing.assert_allclose(ratios, ratios[0, 0], rtol=1e-4)  # one scale, to keep it inside
    assert 0.5 < ratios[0, 0] <= 1.0001


def test_the_neck_is_at_the_anchors_neck() -> None:
    anchor = figure(CARTOON)
    result = indicator(ALL.without("rescaling"), anchor)(rigid_dance(3), np.random.default_rng(0))
    neck = np.median(result.body[:, JOINT["neck"], :2], axis=0)
    np.testing.assert_allclose(neck, anchor.body[0, JOINT["neck"], :2], atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_bone_directions_are_those_of_the_dancer(seed: int) -> None:
    driving = dance()
    result = indicator(ALL.without("add", "drop"))(driving, np.random.default_rng(seed))
    before, after = bones(driving), bones(result)
    lengths = [np.linalg.norm(each, axis=-1, keepdims=True) for each in (before, after)]
    both = seen(driving.body)[:, np.array(BODY_BONES)].all(axis=-1) & (lengths[0][..., 0] > 5)
    np.testing.assert_allclose((before / lengths[0])[both], (after / lengths[1])[both], atol=0.01)
    np.testing.assert_array_equal(result.points[..., 2], driving.points[..., 2])
    assert (result.fps, result.width, result.height) == (driving.fps, driving.width, driving.height)


@pytest.mark.parametrize("switch", SWITCHES)
def test_an_ablation_changes_only_what_it_disables(switch: str) -> None:
    less = ALL.without(switch)
    for seed in range(40):
        whole, part = draw(ALL, seed), draw(less, seed)
        if switch == "realignment":
            assert part.anchor is None
        else:
            assert part.anchor is not None
            assert whole.anchor is not None
            np.testing.assert_array_equal(part.anchor.points, whole.anchor.points)
        assert (part.combination.drop or whole.combination.drop) == whole.combination.drop
        assert part.combination.drop == (whole.combination.drop if less.drop and less.rescaling else ())
        assert part.combination.add == (whole.combination.add if less.add and less.rescaling else ())
        for name in less.scaled_parts():
            assert getattr(part.combination.factors, name) == getattr(whole.combination.factors, name)
        for name in set(SAME) - set(less.scaled_parts()):
            assert getattr(part.combination.factors, name) == 1


def test_all_settings_take_the_same_number_of_random_values() -> None:
    states = []
    for settings in (ALL, EpiSettings(probability=0), ALL.without(*SWITCHES)):
        rng = np.random.default_rng(4)
        indicator(settings)(dance(), rng)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("share", [1, 0.98, 0.95, 0.9, 0.8, 0])
def test_lambda_is_the_share_of_clips_that_change(share: float) -> None:
    fewer, more = indicator(EpiSettings(probability=share)), indicator(EpiSettings(probability=0.99))
    rngs = [[np.random.default_rng([1, seed]) for seed in range(1500)] for _ in range(2)]
    changed = [fewer.transformation(rng) is not None for rng in rngs[0]]
    assert np.mean(changed) == pytest.approx(share, abs=0.0 if share in (0, 1) else 0.015)
    if share < 0.99:  # the clips of a smaller share are among those of a larger one
        assert all(
            more.transformation(rng) for rng, is_changed in zip(rngs[1], changed, strict=True) if is_changed
        )


def test_unchanged_poses_are_returned_as_they_are_and_equal_generators_agree() -> None:
    poses = dance()
    assert indicator(EpiSettings(probability=0))(poses, np.random.default_rng(0)) is poses
    first, again, other = (indicator()(poses, np.random.default_rng(seed)).points for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    nothing = indicator(ALL.without("rescaling", "realignment"))(poses, np.random.default_rng(1))
    np.testing.assert_allclose(nothing.points, poses.points, atol=1e-6)


def test_dropped_parts_and_only_those_are_missing_from_every_frame() -> None:
    driving, names = dance(), set()
    for seed in range(12):
        settings = EpiSettings(probability=1, drop_chance=0.1, add=False)
        dropped = draw(settings, seed).combination.drop
        gone = sorted({point for name in dropped for point in POINTS_OF[name]})
        result = draw(settings, seed)(driving).points
        kept = draw(settings.without("drop"), seed)(driving).points
        assert not result[:, gone].any()
        kept[:, gone] = 0
        np.testing.assert_array_equal(result, kept)
        names |= set(dropped)
    assert len(names) > 6


def test_parts_are_added_only_if_no_frame_shows_them() -> None:
    settings = EpiSettings(probability=1, add_chance=1, drop=False)
    whole, legless = rigid_dance(2), without(rigid_dance(2), np.isin(np.arange(130), LEGS))
    assert not seen(legless.body)[:, LEGS].any()
    assert seen(draw(settings, 0)(legless).body)[:, LEGS].all()
    assert not seen(draw(settings.without("add"), 0)(legless).body)[:, LEGS].any()
    scores = draw(settings, 0)(whole).body[..., 2]
    np.testing.assert_array_equal(scores, whole.body[..., 2])


def test_a_growing_figure_is_kept_in_the_image() -> None:
    ranges = FactorRanges(**{**SAME, "legs": (3.0, 3.0)})
    settings = EpiSettings(probability=1, ranges=ranges, factor_chance=1, drop=False, add=False)
    inside = indicator(settings, figure(STANDING))(rigid_dance(1), np.random.default_rng(0))
    free = EpiSettings(**{**vars(settings), "keep_inside": False})
    outside = indicator(free, figure(STANDING))(rigid_dance(1), np.random.default_rng(0))
    shares = [
        ((each.body[..., :2] >= 0) & (each.body[..., :2] <= 1)).all(axis=-1).mean()
        for each in (inside, outside)
    ]
    assert shares[0] >= 0.95
    assert shares[1] < 0.9


def damaged(name: str) -> PoseSequence:
    poses, rng = dance(), np.random.default_rng(0)
    points = poses.points.copy()
    match name:
        case "only a neck":
            points = without(poses, np.arange(130) != JOINT["neck"]).points
        case "a point that strays":
            points[3, JOINT["left_wrist"], :2] = 1e30, -1e30
        case "all in one place":
            points[..., :2] = 0.5
        case "holes everywhere":
            points = without(poses, rng.random(points.shape[:2]) < 0.7).points
        case "no neck":
            points = without(poses, np.arange(130) == JOINT["neck"]).points
        case "empty frames":
            points[::2] = 0
        case "one frame":
            points = points[:1]
    return poses.with_points(points)


@pytest.mark.parametrize(
    "name",
    [
        "only a neck",
        "a point that strays",
        "all in one place",
        "holes everywhere",
        "no neck",
        "empty frames",
        "one frame",
    ],
)
def test_any_clip_gives_finite_poses(name: str) -> None:
    poses = damaged(name)
    for seed in range(6):
        result = indicator(EpiSettings(probability=1, add=False))(poses, np.random.default_rng(seed))
        assert len(result) == len(poses)  # PoseSequence itself refuses NaN
        assert not (seen(result.points) & ~seen(poses.points)).any()


def test_empty_poses_stay_empty() -> None:
    poses = PoseSequence.empty(4, 30, 40, 8.0)
    for seed in range(4):
        result = indicator()(poses, np.random.default_rng(seed))
        np.testing.assert_array_equal(result.points, poses.points)


def test_a_pool_without_anchors_is_refused_if_they_are_needed() -> None:
    pool = PosePool([PoseSequence.empty(4, 30, 40)])
    with pytest.raises(InvalidInput, match="the pose pool has no frame"):
        ExplicitPoseIndicator(pool)
    assert ExplicitPoseIndicator(pool, ALL.without("realignment"))(dance(), np.random.default_rng(0))
