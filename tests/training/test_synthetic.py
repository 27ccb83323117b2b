"""Synthetic characters and motion: frames match the poses, and held-out data is distinct."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.keypoints import JOINT, PoseSequence, seen
from animatex_core.retarget.bones import BODY_BONES, PROPORTION
from animatex_core.training.synthetic.anatomy import apply_motion, draw_placement
from animatex_core.training.synthetic.backdrop import SCALE
from animatex_core.training.synthetic.dances import (
    HELD_OUT,
    choreograph,
    draw_motion,
    draw_standing_pose,
    real_dance,
    real_motions,
)
from animatex_core.training.synthetic.look import draw_person_look
from animatex_core.training.synthetic.motion import Motion, extract_motion
from animatex_core.training.synthetic.render import render
from animatex_core.training.synthetic.triples import Scene, draw_scene, draw_triple
from animatex_core.training.synthetic.visibility import visible_joints

SIZE = 64, 96


def _directions(scene: Scene) -> np.ndarray:
    """(f, 19, 2), directions of the bones."""
    places = scene.poses.body[..., :2] * SIZE
    bones = np.stack([places[:, child] - places[:, parent] for parent, child in BODY_BONES], axis=1)
    return bones / np.maximum(np.linalg.norm(bones, axis=2, keepdims=True), 1e-9)


def _seen_in_both(a: Scene, b: Scene) -> np.ndarray:
    children = [child for _, child in BODY_BONES]
    return (seen(a.poses.body) & seen(b.poses.body))[:, children]


@pytest.mark.parametrize("held_out", [False, True])
def test_driver_and_target_move_alike_on_other_bodies(held_out: bool) -> None:
    others = 0
    for number in range(8):
        triple = draw_triple(3, number, 4, *SIZE, held_out=held_out)
        both = _seen_in_both(triple.driver, triple.target)
        apart = np.abs(_directions(triple.driver) - _directions(triple.target))[both]
        # Coordinates are float32, and the bones of a face are short.
        assert apart.max() < 0.02
        others += not np.allclose(triple.driver.poses.body, triple.target.poses.body, atol=0.01)
    assert others >= 4


def test_triples_are_deterministic_and_held_out_ones_differ() -> None:
    first, again = (draw_triple(0, 5, 2, *SIZE) for _ in range(2))
    test = draw_triple(0, 5, 2, *SIZE, held_out=True)
    assert np.array_equal(first.target.frames, again.target.frames)
    assert np.array_equal(first.driver.poses.points, again.driver.poses.points)
    assert not np.array_equal(first.reference.frames, test.reference.frames)


def test_hands_are_drawn_where_the_poses_have_them() -> None:
    drawn = 0
    for seed in range(20):
        scene = draw_scene(np.random.default_rng(seed), 1, *SIZE, held_out=False)
        body, (width, height) = scene.poses.body[0], SIZE
        # The left arm is drawn last.
        wrist = body[JOINT["left_wrist"]]
        x, y = int(wrist[0] * width), int(wrist[1] * height)
        if wrist[2] and 0 <= x < width and 0 <= y < height:
            drawn += np.abs(scene.frames[0, y, x].astype(int) - scene.look.hands).max() < 40
    assert drawn >= 14


def test_feet_stand_on_the_ground_of_the_reference() -> None:
    triple = draw_triple(0, 1, 8, *SIZE)
    feet = [JOINT[name] for name in ("left_toe", "right_toe", "left_ankle", "right_ankle")]
    lowest = triple.target.poses.body[:, feet, 1].max(axis=1)
    assert lowest.max() == pytest.approx(triple.reference.poses.body[0, feet, 1].max(), abs=1e-3)


def test_extracted_motion_keeps_the_directions_of_bones() -> None:
    dance = real_dance(HELD_OUT)
    motion = extract_motion(dance, PROPORTION)
    arm = [JOINT["left_elbow"], JOINT["left_wrist"]]
    seen_vector = np.diff(dance.body[:, arm, :2] * [dance.width, dance.height], axis=1)[:, 0]
    kept = motion.bones[:, [child for _, child in BODY_BONES].index(arm[1])]
    cosine = (seen_vector * kept).sum(1) / np.linalg.norm(seen_vector, axis=1) / np.linalg.norm(kept, axis=1)
    assert cosine.min() > 0.999
    assert np.linalg.norm(motion.bones, axis=2).max() <= 1.0501


def test_the_held_out_dance_is_not_in_training() -> None:
    (held_out,), training = real_motions(True), real_motions(False)
    assert len(training) == 3
    assert all(len(each) != len(held_out) for each in training)


def test_mirrored_twice_is_the_same() -> None:
    motion = choreograph(np.random.default_rng(0), 5)
    twice, once = motion.mirrored().mirrored(), motion.mirrored()
    assert np.array_equal(twice.bones, motion.bones)
    assert not np.allclose(once.bones, motion.bones)


def test_choreographed_arms_reach_everywhere() -> None:
    arms = [_elbows(choreograph(np.random.default_rng(seed), 100)) for seed in range(6)]
    down = np.concatenate(arms)[:, 1]
    assert down.max() > 0.9
    assert down.min() < -0.9


def test_standing_figures_have_both_feet_below_the_hips() -> None:
    bones = draw_standing_pose(np.random.default_rng(1)).bones[0]
    knees = [index for index, (_, child) in enumerate(BODY_BONES) if child in (9, 12)]
    assert (bones[knees, 1] > 0.9).all()


def test_drawn_motion_has_the_requested_length() -> None:
    for seed in range(8):
        motion = draw_motion(np.random.default_rng(seed), np.arange(8) * 3.0, held_out=bool(seed % 2))
        assert len(motion) == 8
        assert np.isfinite(motion.bones).all()


def _elbows(motion: Motion) -> np.ndarray:
    children = [child for _, child in BODY_BONES]
    return motion.bones[:, children.index(JOINT["left_elbow"])]


def _standing(name: str, to: str | None) -> Scene:
    """A standing person with one joint moved to the position of another one."""
    scene = draw_scene(np.random.default_rng(4), 1, *SIZE, held_out=False)
    points = scene.poses.points.copy()
    if to is None:
        points[:, JOINT[name], 0] = 1.5
    else:
        points[:, JOINT[name]] = points[:, JOINT[to]]
    return replace(scene, poses=scene.poses.with_points(points))


@pytest.mark.parametrize(
    ("name", "to", "visible"),
    [
        ("left_knee", "left_knee", True),
        ("left_knee", "neck", False),  # behind the trunk
        ("right_ankle", "left_knee", False),  # behind the other leg, of the same colour
        ("left_ankle", "right_knee", True),
        ("left_wrist", "neck", True),  # before it
        ("left_wrist", None, False),  # out of the picture
    ],
)
def test_legs_are_hidden_by_the_trunk_and_arms_are_not(name: str, to: str | None, visible: bool) -> None:
    scene = _standing(name, to)
    assert visible_joints(scene)[0, JOINT[name]] == visible


def test_joints_that_a_body_lacks_are_not_visible() -> None:
    scene = _standing("nose", "nose")
    points = scene.poses.points.copy()
    points[:, JOINT["left_elbow"]] = 0
    shown = visible_joints(replace(scene, poses=scene.poses.with_points(points)))
    assert not shown[0, JOINT["left_elbow"]]
    assert shown[0, JOINT["nose"]]


@pytest.mark.parametrize("seed", range(4))
def test_a_standing_person_has_the_stated_height(seed: int) -> None:
    rng = np.random.default_rng(seed)
    look, blue = draw_person_look(rng), (0, 0, 255)
    where = draw_placement(rng, look.anatomy, 128, 192, (0.7, 0.75))
    around = Image.new("RGB", (SCALE * 128, SCALE * 192), blue)
    frame = next(
        render(look, apply_motion(look.anatomy, draw_standing_pose(rng), where), where.stature, around)
    )
    rows = np.flatnonzero((frame != blue).any(axis=(1, 2)))
    nobody = PoseSequence.from_points(np.zeros((1, 130, 3)), 128, 192)
    scene = Scene(frame[None], nobody, look, where.stature)
    assert 0.97 < (rows.max() - rows.min()) / scene.body_height < 1.12
