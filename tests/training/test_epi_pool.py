import numpy as np

from animatex_core.pose.keypoints import JOINT, PoseSequence
from animatex_core.training.epi.pose_pool import PosePool, fit_to_image_size
from tests.retarget.motion import CARTOON, STANDING, dance, figure, pixels, without


def frames_without(poses: PoseSequence, frames: list[int], joints: list[str]) -> PoseSequence:
    gone = np.zeros((len(poses), 130), bool)
    gone[np.ix_(frames, [JOINT[name] for name in joints])] = True
    return without(poses, gone)


def test_anchors_are_frames_that_show_enough() -> None:
    standing = figure(STANDING, frames=10)
    sequence = frames_without(standing, [0, 1], ["neck"])
    sequence = frames_without(sequence, [2, 3], ["right_hip", "left_hip", "right_elbow", "left_elbow"])
    assert len(PosePool([standing, PoseSequence.empty(5, 8, 8)])) == 10
    assert len(PosePool([sequence])) == 6
    assert len(PosePool([frames_without(standing, [0], ["right_hip", "right_elbow"])])) == 10  # the left do
    assert len(PosePool([PoseSequence.empty(5, 8, 8), PoseSequence.empty(0, 8, 8)])) == 0


def test_every_sequence_counts_the_same_and_nothing_is_copied() -> None:
    short, long = figure(CARTOON), dance()
    pool = PosePool([short, long])
    rng = np.random.default_rng(1)
    drawn = [pool.anchor(*rng.random(2)) for _ in range(400)]
    assert 150 < sum(anchor.width == short.width for anchor in drawn) < 250
    first, last = pool.anchor(0.5, 0.0), pool.anchor(np.nextafter(1, 0), np.nextafter(1, 0))
    assert np.shares_memory(first.body, long.body)
    np.testing.assert_array_equal(first.body[0], long.body[0])
    np.testing.assert_array_equal(last.body[0], long.body[-1])


def test_an_anchor_of_a_wide_picture_is_not_squeezed_into_a_narrow_one() -> None:
    wide = figure(STANDING)
    wide = PoseSequence(wide.body * [1 / 3, 1, 1] + [0.6, 0, 0], wide.hands, wide.face, 1200, 600)
    narrow = fit_to_image_size(wide, 200, 300)
    bones = [np.diff(pixels(poses)[0, [1, 4, 10], :2], axis=0) for poses in (wide, narrow)]
    np.testing.assert_allclose(bones[1], bones[0] / 2, rtol=1e-4)
    place = slice(JOINT["neck"], JOINT["neck"] + 1)
    np.testing.assert_allclose(narrow.body[:, place, :2], wide.body[:, place, :2], atol=0.01)
