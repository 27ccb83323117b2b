import numpy as np
import pytest

from animatex_core.pose.keypoints import JOINT, PoseSequence, openpose_from_133, poses_from_133, seen


def found(**scores: float) -> tuple[np.ndarray, np.ndarray]:
    """Point k lies at (k, 2 k), with the score 0.9 or that of `p<k>`."""
    points = np.stack([np.arange(133.0), 2 * np.arange(133.0)], axis=1)[None]
    values = np.full((1, 133), 0.9)
    for name, score in scores.items():
        values[0, int(name[1:])] = score
    return points, values


def test_every_point_goes_to_its_place() -> None:
    poses = PoseSequence.from_points(poses_from_133(*found(), 1, 1), 1, 1)
    x = poses.body[0, :, 0].tolist()
    assert x == [0, 5.5, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 17.5, 20.5]
    assert poses.face[0, :, 0].tolist() == list(range(23, 91))
    assert poses.hands[0, :, :, 0].tolist() == [list(range(91, 112)), list(range(112, 133))]


def test_positions_are_fractions_of_the_image() -> None:
    points = poses_from_133(*found(), width=10, height=40)
    np.testing.assert_allclose(points[0, JOINT["left_ankle"], :2], [1.5, 0.75])


@pytest.mark.parametrize(("shoulder", "score"), [(0.9, 1), (0.31, 1), (0.3, 0), (-1, 0)])
def test_the_neck_is_seen_where_both_shoulders_are(shoulder: float, score: float) -> None:
    assert openpose_from_133(*found(p5=shoulder))[0, 1, 2] == score
    assert openpose_from_133(*found(p6=shoulder))[0, 1, 2] == score


@pytest.mark.parametrize(("score", "visible"), [(0.31, True), (0.3, False), (0.1, False)])
def test_a_toe_is_as_well_seen_as_the_worse_of_its_two(score: float, visible: bool) -> None:
    points = poses_from_133(*found(p17=score, p21=score), 1, 1)
    assert points[0, [JOINT["left_toe"], JOINT["right_toe"]], 2].tolist() == [np.float32(score)] * 2
    assert seen(points)[0, 18:20].tolist() == [visible] * 2


def test_a_heel_does_not_count() -> None:
    assert seen(poses_from_133(*found(p19=0, p22=0), 1, 1))[0, 18:20].all()


@pytest.mark.parametrize("score", [0.0, -0.5])
def test_what_was_not_found_is_nothing(score: float) -> None:
    points = poses_from_133(*found(p7=score), 1, 1)
    assert points[0, JOINT["left_elbow"]].tolist() == [0, 0, 0]


def test_a_doubtful_point_keeps_its_place_and_score() -> None:
    points = poses_from_133(*found(p7=0.2), 1, 1)
    assert points[0, JOINT["left_elbow"]].tolist() == [7, 14, np.float32(0.2)]


def test_several_people_and_none() -> None:
    assert poses_from_133(np.ones((3, 133, 2)), np.ones((3, 133)), 4, 4).shape == (3, 130, 3)
    assert poses_from_133(np.ones((0, 133, 2)), np.ones((0, 133)), 4, 4).shape == (0, 130, 3)
