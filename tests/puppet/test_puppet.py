"""The puppet on drawn characters, with known frames, and on poses with hardly any joints."""

from dataclasses import replace

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.evaluation.metrics.pixels import psnr
from animatex_core.pose.keypoints import JOINT, PoseSequence
from animatex_core.puppet.puppet import iterate_puppet, puppet_frames
from animatex_core.training.small_models.scores import moving_psnr
from animatex_core.training.synthetic.triples import Triple, draw_triple
from tests.retarget.motion import STANDING, figure

WIDTH, HEIGHT = 64, 96
SIZE = HEIGHT, WIDTH
RED, BLUE, WHITE = (200, 40, 40), (40, 60, 200), (250, 250, 250)


@pytest.fixture(scope="module")
def triples() -> list[Triple]:
    return [draw_triple(0, number, 4, 128, 192, held_out=True) for number in range(6)]


def animated(triple: Triple, poses: PoseSequence | None = None) -> tuple[np.ndarray, np.ndarray]:
    moved = triple.target.poses if poses is None else poses
    return puppet_frames(triple.reference.frames[0], triple.reference.poses, moved)


def standing(frames: int = 1) -> PoseSequence:
    """A person in a small image."""
    return replace(figure(STANDING, frames), width=WIDTH, height=HEIGHT)


def bent(poses: PoseSequence, joint: str, x: float, y: float) -> PoseSequence:
    """Move a joint, in fractions of the image."""
    points = poses.points.copy()
    points[:, JOINT[joint]] = x, y, 1
    return poses.with_points(points)


def only(poses: PoseSequence, *joints: str) -> PoseSequence:
    points = np.zeros_like(poses.points)
    kept = [JOINT[name] for name in joints]
    points[:, kept] = poses.points[:, kept]
    return poses.with_points(points)


def shifted(poses: PoseSequence, x: float) -> PoseSequence:
    """Move all joints to the right, by a fraction of the image's width."""
    points = poses.points.copy()
    points[..., 0] += np.float32(x) * (points[..., 2] > 0)
    return poses.with_points(points)


def drawing() -> np.ndarray:
    """A white image with a red body and blue arms where the standing person has them."""
    image = np.full((*SIZE, 3), WHITE, np.uint8)
    image[12:80, 26:38] = RED
    image[26:48, 22:26] = image[26:48, 38:42] = BLUE
    return image


def test_it_comes_closer_to_the_true_motion_than_the_reference(triples: list[Triple]) -> None:
    gains, moving = [], []
    for triple in triples:
        true, still = triple.target.frames, np.repeat(triple.reference.frames, 4, axis=0)
        frames, _ = animated(triple)
        gains.append(psnr(frames, true).mean() - psnr(still, true).mean())
        moving.append(moving_psnr(frames, true) - moving_psnr(still, true))
    assert np.mean(gains) > 6
    assert np.mean(moving) > 4


def test_the_references_own_pose_gives_the_reference(triples: list[Triple]) -> None:
    for triple in triples:
        frames, alpha = animated(triple, triple.reference.poses)
        assert psnr(frames, triple.reference.frames).mean() > 28
        assert 0.02 < (alpha > 127).mean() < 0.6


def test_it_is_deterministic_and_frames_do_not_depend_on_each_other(triples: list[Triple]) -> None:
    triple = triples[0]
    frames, alpha = animated(triple)
    again, _ = animated(triple)
    np.testing.assert_array_equal(frames, again)
    alone, _ = animated(triple, triple.target.poses.select([2]))
    np.testing.assert_array_equal(alone[0], frames[2])
    assert frames.dtype == alpha.dtype == np.uint8
    assert alpha.shape == frames.shape[:3]


def test_a_raised_arm_takes_its_color_along_and_leaves_background() -> None:
    raised = bent(bent(standing(), "left_elbow", 0.75, 0.2), "left_wrist", 0.85, 0.1)
    frames, alpha = puppet_frames(drawing(), standing(), raised)
    before, after = drawing()[40, 40], frames[0, 40, 40]
    assert tuple(before) == BLUE
    assert np.abs(after.astype(int) - WHITE).max() < 30
    upper = frames[0, 18:24, 42:50].reshape(-1, 3).astype(int)
    assert (np.abs(upper - BLUE).max(axis=1) < 30).any()
    assert alpha[0, 40, 40] == 0


def test_a_mask_decides_what_moves() -> None:
    image = drawing()
    image[:, 48:] = RED  # a curtain in the color of the body, beside the figure
    mask = np.zeros(SIZE, bool)
    mask[12:80, 22:42] = True
    frames, alpha = puppet_frames(image, standing(), shifted(standing(), 0.1), mask)
    assert (frames[0, :8, 48:] == RED).all()
    assert alpha[0][:, 55:].max() == 0


def test_the_face_moves_with_the_eyes_and_the_head_stays() -> None:
    large = replace(figure(STANDING, 1), width=256, height=384)
    points = large.points.copy()
    points[:, JOINT["right_eye"]], points[:, JOINT["left_eye"]] = (0.46, 0.12, 1), (0.54, 0.12, 1)
    points[:, JOINT["nose"]] = 0.5, 0.14, 1
    own = large.with_points(points)
    turned = points.copy()
    turned[:, [JOINT["right_eye"], JOINT["left_eye"]], 0] += np.float32(6 / 256)
    image = np.full((384, 256, 3), WHITE, np.uint8)
    rows, columns = np.mgrid[:384, :256]
    image[60:320, 104:152] = RED
    image[np.hypot(columns - 128, rows - 52) < 46] = RED
    for x in (0.46, 0.54):
        image[np.hypot(columns - 256 * x, rows - 0.12 * 384) < 5] = BLUE
    frames, alpha = puppet_frames(image, own, large.with_points(turned))
    blue = np.abs(frames[0].astype(int) - BLUE).max(axis=2) < 60
    assert columns[blue].mean() == pytest.approx(128 + 6, abs=1)
    assert columns[(alpha[0] > 127) & (rows < 60)].mean() == pytest.approx(128, abs=1.5)


def test_a_hand_that_leaves_the_image_keeps_its_size() -> None:
    triple = draw_triple(6, 10_039, 6, 128, 192, strides=(2, 3, 4, 8))  # both hands touch the border
    frames, _ = animated(triple)
    assert moving_psnr(frames, triple.target.frames) > 17


@pytest.mark.parametrize("own", [standing(), PoseSequence.empty(1, WIDTH, HEIGHT)])
def test_without_a_common_joint_the_reference_is_repeated(own: PoseSequence) -> None:
    with pytest.warns(AnimateXWarning, match="every frame shows the reference"):
        frames, alpha = puppet_frames(drawing(), own, PoseSequence.empty(3, WIDTH, HEIGHT))
    np.testing.assert_array_equal(frames, np.stack([drawing()] * 3))
    assert not alpha.any()


@pytest.mark.parametrize(
    "joints",
    [
        ("nose",), ("neck",), ("left_wrist",), ("left_toe", "right_ear"), ("left_hip", "left_knee"),
        ("left_shoulder", "right_shoulder"), ("left_eye", "right_eye"), ("neck", "nose"),
        ("right_hip", "left_hip", "right_knee", "right_ankle"),
    ],
)  # fmt: skip
def test_few_joints_move_what_is_known(joints: tuple[str, ...]) -> None:
    poses = only(standing(2), *joints)
    for own in (standing(), only(standing(), *joints)):
        frames, _ = puppet_frames(drawing(), own, shifted(poses, 0.15))
        assert (frames != drawing()).any()


def test_joints_that_some_frames_lack_are_interpolated() -> None:
    points = standing(3).points.copy()
    points[2, :, 0] += np.float32(0.2)
    whole = points.copy()
    whole[1, :, 0] += np.float32(0.1)
    points[1] = 0
    sparse, _ = puppet_frames(drawing(), standing(), standing(3).with_points(points))
    full, _ = puppet_frames(drawing(), standing(), standing(3).with_points(whole))
    assert psnr(sparse, full).min() > 35


def degenerate(kind: str) -> PoseSequence:
    points = standing(2).points.copy()
    seen = points[..., 2] > 0
    if kind == "all at one place":
        points[..., :2] = 0.5
    elif kind == "far outside":
        points[1, seen[1], :2] = 1e6
    elif kind == "outside of every number":
        points[1, seen[1], :2] = np.finfo(np.float32).max
    elif kind == "bones without length":
        points[:, JOINT["left_wrist"]] = points[:, JOINT["left_elbow"]]
        points[:, JOINT["neck"], :2] = points[:, [JOINT["left_hip"], JOINT["right_hip"]], :2].mean(axis=1)
    elif kind == "upside down":
        points[..., 1] = 1 - points[..., 1]
    return standing(2).with_points(points)


KINDS = ("all at one place", "far outside", "outside of every number", "bones without length", "upside down")


@pytest.mark.filterwarnings("error", "ignore::animatex_core.errors.AnimateXWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_poses_give_frames(kind: str) -> None:
    for own, poses in ((standing(), degenerate(kind)), (degenerate(kind).select([1]), standing(2))):
        frames, alpha = puppet_frames(drawing(), own, poses)
        assert frames.shape == (2, *SIZE, 3)
        assert alpha.shape == (2, *SIZE)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (2, 2), (5, 3), (33, 17)])
def test_images_and_masks_of_any_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    poses = replace(standing(2), width=size[1], height=size[0])
    mask = np.zeros(size, bool)
    mask[size[0] // 2, size[1] // 2] = True  # a character of one pixel
    for given in (None, mask, ~mask & False, mask | True):
        frames, _ = puppet_frames(image, poses.select([0]), poses, given)
        assert frames.shape == (2, *size, 3)


def test_no_poses_give_no_frames() -> None:
    nothing = standing().select([])
    with pytest.warns(AnimateXWarning, match="No joint"):
        frames, alpha = puppet_frames(drawing(), standing(), nothing)
    assert frames.shape == (0, *SIZE, 3)
    assert alpha.shape == (0, *SIZE)


def test_poses_of_another_shape_warn() -> None:
    wide = replace(standing(), width=2 * WIDTH)
    with pytest.warns(AnimateXWarning, match="poses are of an image of 128x96 pixels but the reference"):
        puppet_frames(drawing(), standing(), wide)


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (drawing()[..., 0], None, r"the reference has shape \(96, 64\)"),
        (drawing() / 255, None, "type float64"),
        (drawing()[:0], None, r"shape \(0, 64, 3\)"),
        (drawing(), np.zeros((4, 4)), r"the mask has shape \(4, 4\), but the image is 96 pixels high"),
    ],
)
def test_other_images_and_masks_are_rejected_before_the_work(
    image: np.ndarray, mask: np.ndarray | None, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        iterate_puppet(image, standing(), standing(), mask)
