"""Tails, ears and antennae: what belongs to the body beside and behind the arms."""

import tracemalloc

import numpy as np
import pytest
import torch

from animatex_core.assets import ASSETS
from animatex_core.encoders.preprocessing import resize
from animatex_core.pose.dwpose import DWPose
from animatex_core.puppet.bridges import join_pieces
from animatex_core.puppet.outline import figure_mask
from animatex_core.puppet.puppet import puppet_frames
from animatex_core.puppet.skeleton import Joints
from animatex_core.reference import open_reference
from tests.puppet.figures import (
    GREEN,
    HEIGHT,
    RED,
    WHITE,
    WIDTH,
    Color,
    body_with_arms,
    disc,
    moved,
    near,
    standing,
)

STAIN = 2  # pixels beside an arm that have no colour of their own
YELLOW = (230, 200, 30)
SKY, GROUND, BALL = (154, 180, 244), (173, 153, 232), (145, 131, 208)


def tailed(color: Color) -> np.ndarray:
    """A red body with blue arms, and a tail from its left side behind the left arm."""
    image = body_with_arms()
    image[150:160, 168:206] = color
    return image


@pytest.mark.parametrize("color", [GREEN, RED])
def test_a_tail_behind_an_arm_stays_whole(color: Color) -> None:
    raised = moved(standing(), left_elbow=(0.75, 0.2), left_wrist=(0.85, 0.1))
    frames, alpha = puppet_frames(tailed(color), standing(), raised)
    assert (alpha[0, 155, 152:204] > 200).all()
    assert near(frames[0, 155, 156:202], color).all(), "the tail has gone with the arm"
    assert (alpha[0, 130, 158:204] < 50).all(), "more than the tail was completed"


@pytest.mark.parametrize("width", [8, 12])
def test_every_tail_keeps_its_color_behind_an_arm(width: int) -> None:
    image = tailed(GREEN)
    ends = slice(124, 124 + width), slice(42, 88)
    image[ends] = YELLOW
    poses = moved(standing(), left_elbow=(0.75, 0.2), left_wrist=(0.85, 0.1))
    poses = moved(poses, right_elbow=(0.25, 0.2), right_wrist=(0.15, 0.1))
    frames, _ = puppet_frames(image, standing(), poses)
    assert near(frames[0, 155, 156:202], GREEN).all()
    assert near(frames[0, 124 + width // 2, 90:102], YELLOW).all(), "it has the colour of the other tail"


@pytest.mark.parametrize("tinted", [0, 2])
def test_pieces_are_joined_through_arms_alone_and_to_their_own_color(tinted: int) -> None:
    image = np.full((80, 100, 3), 1.0)
    body, arms = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
    body[10:70, 20:44] = body[50:56, 38:44] = body[40:46, 54:80] = True
    image[10:70, 20:44] = 0.6
    image[50:56, 38:44] = image[40:46, 54:80] = 0.8  # stump and tip of a tail
    arms[5:75, 44:54] = True
    image[50:56, 44 - tinted : 44] = image[40:46, 54 : 54 + tinted] = 0.6  # by the outline of the arm
    main = np.zeros_like(body)
    main[30, 30] = True
    ((joined, piece),) = join_pieces(image, body, arms, main, STAIN)
    assert (piece == body & (np.arange(100) >= 54)).all()
    assert set(range(44, 54)) <= set(np.argwhere(joined)[:, 1].tolist())
    assert not (joined & ~arms).any()
    assert np.count_nonzero(joined[:38]) == np.count_nonzero(joined[58:]) == 0


def test_a_long_cut_takes_little_memory() -> None:
    body, arms, main = (np.zeros((768, 512), bool) for _ in range(3))
    body[96:640, 208:304] = body[212:380, 336:412] = True  # a cape that an arm has cut off
    arms[208:392, 304:336] = main[400, 250] = True
    tracemalloc.start()
    try:
        ((joined, _),) = join_pieces(np.full((768, 512, 3), 0.5, np.float32), body, arms, main, STAIN)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert joined[212:380, 304:336].all()
    assert not (joined & ~arms).any()
    assert most < 100e6, f"{most / 1e6:.0f} MB"


def test_nothing_is_joined_to_a_whole_body() -> None:
    body, arms = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    body[10:30, 10:20] = True
    arms[5:35, 20:26] = True
    assert join_pieces(np.zeros((40, 40, 3)), body, arms, body, STAIN) == []
    assert join_pieces(np.zeros((40, 40, 3)), np.zeros_like(body), arms, body, STAIN) == []


def test_every_detached_piece_is_joined_to_the_body_and_not_to_its_neighbor() -> None:
    body, arms = np.zeros((80, 100), bool), np.zeros((80, 100), bool)
    body[5:75, 20:40] = True
    body[10:70:6, 50:60] = body[11:70:6, 50:60] = True  # strips behind one arm, closer to each other
    arms[:, 40:50] = True
    bridges = join_pieces(np.ones((80, 100, 3)), body, arms, body & (np.arange(100) < 40), STAIN)
    assert np.any([hidden for hidden, _ in bridges], axis=0)[10:70:6, 40:50].all()


def test_the_tip_of_an_antenna_stays_on_the_head() -> None:
    image = body_with_arms()
    disc(image, 128, 41, 3, GREEN)
    raised = moved(standing(), left_elbow=(0.75, 0.2), left_wrist=(0.85, 0.1))
    mask = (image != WHITE).any(axis=-1).astype(np.float32)
    frames, _ = puppet_frames(image, standing(), raised, mask)
    assert near(frames[0, 40:42, 127:130], GREEN).all()
    assert near(frames[0], GREEN).sum() == pytest.approx(near(image, GREEN).sum(), abs=8)


def test_the_cat_of_the_demo_keeps_the_tail_that_its_arm_hides() -> None:
    cat = open_reference(ASSETS / "demo" / "characters" / "cat.png", dwpose=DWPose())
    own, fur = cat.character.pose, (240, 168, 82)
    assert own is not None
    raised = moved(own, left_elbow=(0.8, 0.36), left_wrist=(0.85, 0.2))
    frames, alpha = puppet_frames(resize(cat.picture, 128, 192), own, raised)
    assert near(frames[0, 97:99, 105:107], fur).all(), "the tip has gone with the arm"
    assert (alpha[0, 103:108, 99:101] > 200).all(), "the tail is cut in two"


@pytest.mark.parametrize("ball", [BALL, GREEN])
def test_a_ball_on_a_hat_is_found_although_its_color_is_close_to_the_grounds(ball: Color) -> None:
    image = body_with_arms(SKY)
    image[240:][(image[240:] == SKY).all(axis=-1)] = GROUND
    image[36:48, 126:130] = RED
    disc(image, 134, 26, 13, ball)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    found = figure_mask(pixels, Joints.of(standing(), standing(), WIDTH, HEIGHT))[0, 0].numpy() > 0
    assert not found[:, :80].any(), "the background was taken for the figure"
    assert not found[:, 180:].any(), "the background was taken for the figure"
    assert found[(image == ball).all(axis=-1)].mean() > 0.95
