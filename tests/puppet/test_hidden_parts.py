"""What arms and legs hide in the reference: crossed legs, folded arms, and outlines of heads."""

import numpy as np
import pytest

from animatex_core.puppet.layers import cut_layers, margin_pixels
from animatex_core.puppet.puppet import puppet_frames
from animatex_core.puppet.regions import segment_parts
from animatex_core.puppet.rig import Rig, build_rig
from animatex_core.puppet.skeleton import Bone, Joints, limb_radii
from tests.puppet.figures import (
    BLUE,
    GREEN,
    HEIGHT,
    RED,
    WHITE,
    WIDTH,
    body_with_arms,
    disc,
    moved,
    near,
    standing,
)


def test_a_face_turns_within_the_outline_of_a_small_head() -> None:
    own = moved(standing(), right_eye=(0.45, 0.12), left_eye=(0.55, 0.12), nose=(0.5, 0.14))
    turned = moved(own, right_eye=(0.48, 0.12), left_eye=(0.58, 0.12))
    image = np.full((HEIGHT, WIDTH, 3), WHITE, np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image[75:320, 104:152] = RED
    image[np.hypot(columns - 128, rows - 52) < 30] = RED
    for x in (0.45, 0.55):
        image[np.hypot(columns - WIDTH * x, rows - 0.12 * HEIGHT) < 4] = BLUE
    still, before = puppet_frames(image, own, own)
    frames, after = puppet_frames(image, own, turned)
    top = slice(0, 50)
    assert np.count_nonzero(np.abs(after[0, top].astype(int) - before[0, top]) > 2) < 60
    shift = columns[near(frames[0], BLUE)].mean() - columns[near(still[0], BLUE)].mean()
    assert shift > 2


def test_crossed_legs_are_about_as_thick_as_arms() -> None:
    image, mask = np.ones((200, 100, 3)), np.zeros((200, 100), bool)
    for left in (20, 70):
        mask[20:100, left : left + 12] = True
    mask[100:190, 40:58] = True
    image[mask] = 0.5
    image[100:190, [45, 52]] = 0.0  # outlines of legs that cover each other
    bones = {
        f"{side}_{part}": Bone(np.array([x, float(top)]), np.array([x, float(top + 40)]))
        for side, arm, leg in (("right", 26.0, 47.0), ("left", 76.0, 50.0))
        for part, x, top in (
            ("upper_arm", arm, 20),
            ("forearm", arm, 60),
            ("thigh", leg, 100),
            ("shin", leg, 145),
        )
    }
    radii = limb_radii(image, mask, bones, stature=180)
    assert radii["left_upper_arm"] == pytest.approx(6, abs=1)
    for part in ("right_thigh", "left_shin"):
        assert radii[part] >= 0.9 * radii["left_upper_arm"] - 1e-6


def person(arm: Bone) -> Rig:
    """The bones of a torso and of one arm, in the reference alone."""
    torso = Bone(np.array([60.0, 30.0]), np.array([60.0, 110.0]))
    middle = (arm.start + arm.end) / 2
    limbs = {"left_upper_arm": Bone(arm.start, middle), "left_forearm": Bone(middle, arm.end)}
    return Rig({"torso": torso, **limbs}, {}, {})


def parts_of(image: np.ndarray, rig: Rig) -> dict[str, np.ndarray]:
    """The pixels of every part of a figure on white."""
    figure = ~near(image, WHITE)
    regions = segment_parts(image.astype(np.float32) / 255, figure, np.ones_like(figure), rig, stature=180)
    return {part: region.own & figure for part, region in regions.items()}


def test_a_wide_sleeve_belongs_to_the_arm_also_if_the_hand_has_another_color() -> None:
    image = np.full((160, 140, 3), WHITE, np.uint8)
    image[20:120, 40:84] = RED
    image[40:112, 84:96] = BLUE
    image[96:108, 96:105] = BLUE
    disc(image, 90, 122, 19, GREEN)
    parts = parts_of(image, person(Bone(np.array([90.0, 42.0]), np.array([90.0, 112.0]))))
    sleeve = near(image, BLUE)
    assert np.count_nonzero(sleeve & parts["torso"]) < 0.01 * np.count_nonzero(sleeve)


def test_the_outline_of_a_shoulder_is_not_cut_out_with_the_body() -> None:
    black = (10, 10, 10)
    image = np.full((160, 140, 3), WHITE, np.uint8)
    image[10:120, 30:110] = RED
    for color, radius in ((black, 9), (BLUE, 7)):
        disc(image, 90, 42, radius, color)
        image[42:112, 90 - radius : 90 + radius] = color
    parts = parts_of(image, person(Bone(np.array([90.0, 45.0]), np.array([90.0, 112.0]))))
    body = parts["torso"][:44]
    assert np.count_nonzero(body) > 2000
    assert np.count_nonzero(body & near(image[:44], black)) < 3


def test_the_hidden_end_of_an_arm_is_filled_without_its_outline() -> None:
    image = np.full((HEIGHT, WIDTH, 3), WHITE, np.uint8)
    image[48:320, 104:152] = RED
    for left in (88, 152):
        image[104:196, left : left + 16] = (10, 10, 10)
        image[104:196, left + 1 : left + 15] = BLUE
    joints = Joints.of(standing(), standing(), WIDTH, HEIGHT)
    rig = build_rig(joints.shifted(margin_pixels(joints)))
    layers = {layer.part: layer for layer in cut_layers(image, joints, rig, None).layers}
    arm, elbow = layers["left_upper_arm"], rig.reference["left_upper_arm"].end
    row, column = int(elbow[1]) + 3 - arm.top, int(elbow[0]) - arm.left
    colors = 255 * arm.pixels[:3, row : row + 3, column - 2 : column + 3].permute(1, 2, 0).numpy()
    assert np.abs(colors - BLUE).max() < 31


def test_the_body_continues_behind_folded_arms() -> None:
    image = np.full((HEIGHT, WIDTH, 3), WHITE, np.uint8)
    image[48:320, 104:152] = RED
    image[104:138, 88:104] = image[104:156, 152:168] = BLUE
    image[122:138, 96:150] = image[140:156, 106:160] = BLUE
    folded = moved(
        standing(),
        right_elbow=(96 / WIDTH, 130 / HEIGHT),
        right_wrist=(142 / WIDTH, 130 / HEIGHT),
        left_elbow=(160 / WIDTH, 148 / HEIGHT),
        left_wrist=(114 / WIDTH, 148 / HEIGHT),
    )
    raised = moved(
        standing(),
        right_elbow=(0.25, 0.2),
        right_wrist=(0.15, 0.1),
        left_elbow=(0.75, 0.2),
        left_wrist=(0.85, 0.1),
    )
    frames, alpha = puppet_frames(image, folded, raised)
    assert (alpha[0, 118:162, 112:144] > 200).all()
    assert near(frames[0, 118:162, 112:144], RED).all(), "the chest has gone with the arms"


@pytest.mark.parametrize("pattern", ["plain", "striped"])
def test_a_pattern_does_not_make_a_limb_thinner(pattern: str) -> None:
    image, mask = np.ones((200, 100, 3)), np.zeros((200, 100), bool)
    mask[20:180, 30:50] = True
    image[mask] = 0.4
    if pattern == "striped":
        rows, columns = np.mgrid[:200, :100]
        image[mask & ((rows + columns) % 9 < 4)] = 0.8
    bone = Bone(np.array([40.0, 25.0]), np.array([40.0, 175.0]))
    radii = limb_radii(image, mask, {"right_shin": bone}, stature=180)
    assert radii["right_shin"] == pytest.approx(10, abs=1)


def test_outlines_of_thighs_beside_the_torso_go_with_the_legs() -> None:
    image = np.full((HEIGHT, WIDTH, 3), WHITE, np.uint8)
    for left in (102, 130):  # thighs that begin above the torso's end, and wider than it
        image[172:330, left : left + 24] = 0
        image[174:328, left + 2 : left + 22] = BLUE
    image[48:210, 110:146] = RED
    aside = {"right_elbow": (0.2, 0.27), "right_wrist": (0.05, 0.27), "left_elbow": (0.8, 0.27)}
    own = moved(standing(), left_wrist=(0.95, 0.27), **aside)
    joints = Joints.of(own, own, WIDTH, HEIGHT)
    margin = margin_pixels(joints)
    mask = (image != WHITE).any(axis=-1).astype(np.float32)
    layers = cut_layers(image, joints, build_rig(joints.shifted(margin)), mask).layers
    (torso,) = (layer for layer in layers if layer.part == "torso")
    shown = np.zeros((HEIGHT + 2 * margin, WIDTH + 2 * margin), bool)
    box = slice(torso.top, torso.top + torso.pixels.shape[1]), slice(torso.left, None)
    shown[box][:, : torso.pixels.shape[2]] = torso.pixels[3].numpy() > 0
    thighs = shown[172 + margin : 206 + margin, margin : margin + WIDTH]
    assert thighs[:, 112:144].all()
    assert not thighs[:, :108].any()
    assert not thighs[:, 148:].any()


def test_a_glove_larger_than_the_hand_stays_in_one_piece() -> None:
    image = body_with_arms()
    own = moved(standing(), left_elbow=(168 / WIDTH, 150 / HEIGHT), left_wrist=(186 / WIDTH, 190 / HEIGHT))
    for part in np.linspace(0, 1, 40):
        disc(image, 160 + 26 * part, 150 + 40 * part, 8, BLUE)
    disc(image, 196, 216, 26, GREEN)
    raised = moved(own, left_elbow=(0.75, 0.2), left_wrist=(0.8, 0.12))
    mask = (image != WHITE).any(axis=-1).astype(np.float32)
    frames, _ = puppet_frames(image, own, raised, mask)
    assert not near(frames[0, 180:], GREEN).any(), "a part of the glove stayed behind"
    assert near(frames[0, :120], GREEN).sum() > 1000


def test_a_sleeve_and_skin_are_no_pattern() -> None:
    image, mask = np.ones((200, 100, 3)), np.zeros((200, 100), bool)
    mask[20:180, 35:65] = True
    image[mask] = (0.8, 0.2, 0.2)  # a shirt
    image[100:180, 42:58] = (0.9, 0.7, 0.6)  # the lower half of an arm in front of it
    image[20:100, [41, 58]] = 0.0  # the sleeve has the colour of the shirt, and an outline
    bone = Bone(np.array([50.0, 25.0]), np.array([50.0, 175.0]))
    radii = limb_radii(image, mask, {"right_forearm": bone}, stature=180)
    assert radii["right_forearm"] == pytest.approx(8, abs=3)
