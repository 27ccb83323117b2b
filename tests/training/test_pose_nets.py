from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animatex_core.pose.detector import decode_people
from animatex_core.pose.estimator import HEIGHT, WIDTH, decode_points, region_around
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.keypoints import JOINT, poses_from_133
from animatex_core.pose.torch_models import CELL, HALF, SmallDetector, SmallLandmarks
from animatex_core.training.small_models import pose_nets
from animatex_core.training.small_models.fit import FitSettings, fuse_batchnorm, insert_batchnorm
from animatex_core.training.small_models.pose_accuracy import (
    clips_of_lacking_bodies,
    held_out_clips,
    joint_accuracy,
)
from animatex_core.training.small_models.pose_nets import (
    fast_landmarks_loss,
    hard_landmarks_sample,
    improve_pose_nets,
    landmarks_loss,
    landmarks_sample,
    targets,
    train_detector,
    train_landmarks,
)
from animatex_core.training.small_models.pose_samples import PoseSample, hard_shot, shot, to_coco_wholebody
from animatex_core.training.synthetic.triples import Scene, draw_scene
from tests.pose.generated_nets import generated_nets

torch.set_num_threads(1)
FEW = FitSettings(steps=25, batch_size=2, learning_rate=3e-3, warm_up=5, decay=0.5, workers=0)


def silent(_: str) -> None: ...


def scene(frames: int = 2) -> Scene:
    return draw_scene(np.random.default_rng(4), frames, 128, 192, held_out=True)


def test_coco_wholebody_points_round_trip() -> None:
    poses = scene().poses.points
    found = np.stack([to_coco_wholebody(points) for points in poses])
    again = poses_from_133(found[..., :2] * [128, 192], found[..., 2], 128, 192)
    others = np.arange(130) != 1  # the neck is made of the shoulders
    np.testing.assert_allclose(again[:, others], poses[:, others], atol=1e-6)
    np.testing.assert_allclose(again[:, 1], poses[:, 1], atol=0.02)


def test_a_sample_only_depends_on_its_number() -> None:
    first, (again, other) = shot(5), (shot(5), shot(7))
    np.testing.assert_array_equal(first.frame, again.frame)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)


def share(make: Callable[[int], PoseSample], holds: Callable[[np.ndarray], bool]) -> float:
    """Share of frames with a trunk whose points (133, 3) meet a condition."""
    made = [make(number).points for number in range(0, 120, 2)]
    return float(np.mean([holds(points) for points in made if points[[5, 6, 11, 12], 2].all()]))


def without_arms(points: np.ndarray) -> bool:
    return not points[7:11, 2].any()


def legs_cross(points: np.ndarray) -> bool:
    hips, ankles = points[11, 0] - points[12, 0], points[15, 0] - points[16, 0]
    return bool(points[13:17, 2].all() and hips * ankles < 0)


@pytest.mark.parametrize("holds", [without_arms, legs_cross])
def test_hard_samples_lack_arms_and_cross_legs_more_often(holds: Callable[[np.ndarray], bool]) -> None:
    assert share(hard_shot, holds) > max(0.08, 2 * share(shot, holds))


def test_a_box_holds_every_point_that_is_shown() -> None:
    made = [shot(number) for number in range(0, 20, 2)]
    for each in made:
        box, shown = each.box(), each.points[each.points[:, 2] > 0, :2]
        assert ((shown >= box[:2]) & (shown <= box[2:])).all()
        assert (box <= [*each.frame.shape[1::-1]] * 2).all()
    assert any(box.box().any() for box in made)


@pytest.mark.parametrize(
    ("box", "rows"),
    [
        ((100, 100, 150, 180), slice(0, 6400)),
        ((100, 100, 250, 300), slice(6400, 8000)),
        ((20, 20, 400, 600), slice(8000, 8400)),
    ],
)
def test_targets_decode_to_the_box(box: tuple[int, ...], rows: slice) -> None:
    wanted, near = targets(torch.tensor([box], dtype=torch.float32))
    output = torch.cat([wanted, near[..., None], torch.ones(1, 8400, 1)], dim=2)[0].numpy()
    boxes, scores = decode_people(np.pad(output, ((0, 0), (0, 79))), 1.0)
    np.testing.assert_allclose(boxes, [box], atol=1e-2)
    assert scores[0] > 0.5
    assert near[0, rows].sum() == near.sum()


def test_without_a_person_there_are_no_targets() -> None:
    wanted, near = targets(torch.zeros(2, 4))
    assert torch.isfinite(wanted).all()
    assert not near.any()


class Ideal(SmallLandmarks):
    """Returns normal distributions around known points that are present."""

    def __init__(self, points: torch.Tensor) -> None:
        super().__init__()
        self.points = points

    def maps(self, sights: torch.Tensor) -> torch.Tensor:
        x, y = (
            pose_nets._distribution(self.points[..., axis], size // CELL)
            for axis, size in ((0, WIDTH), (1, HEIGHT))
        )
        logits = (y[..., None] * x[..., None, :]).clamp(min=1e-20).log()
        return torch.where(self.points[..., 2, None, None] > 0, logits + 12, logits.new_tensor(-12.0))


def test_the_loss_is_minimal_for_ideal_heatmaps() -> None:
    points = landmarks_sample(4)[1][None]
    ideal, picture = Ideal(points), torch.zeros(1, 3, HEIGHT, WIDTH)
    assert landmarks_loss(ideal, (ideal.see(picture), points)) < 0.01
    x, y = (bins[0].numpy() for bins in ideal(picture))
    region = region_around(np.array([28.8, 38.4, 259.2, 345.6]))  # the whole picture
    found, scores = decode_points(x, y, region)
    there = points[0, :, 2].numpy() > 0
    np.testing.assert_allclose(scores, there, atol=0.01)
    np.testing.assert_allclose(found[there], points[0, there, :2].numpy(), atol=0.5)


def test_batch_normalisation_folds_into_convolutions() -> None:
    torch.manual_seed(0)
    network, sights = SmallLandmarks(), torch.randn(2, 3, HEIGHT // HALF, WIDTH // HALF)
    keys = list(network.state_dict())
    insert_batchnorm(network)
    network.train().maps(sights)
    with torch.no_grad():
        before = network.eval().maps(sights)
        fuse_batchnorm(network)
        torch.testing.assert_close(network.maps(sights), before, atol=1e-3, rtol=1e-3)
    assert list(network.state_dict()) == keys


def test_the_pose_net_learns_a_few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_nets, "shot", lambda number: shot(2 * (number % 2)))
    trained = train_landmarks(silent, FEW)
    batch = [torch.stack(parts) for parts in zip(*map(landmarks_sample, range(4)), strict=True)]
    with torch.no_grad():
        assert landmarks_loss(trained, (batch[0], batch[1])) < 1


def test_training_further_changes_the_pose_estimator_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pose_nets, "hard_shot", lambda number: hard_shot(2 * (number % 2)))
    start = generated_nets()
    first = {name: values.clone() for name, values in start.state_dict().items()}
    improved = improve_pose_nets(start, silent, tmp_path, replace(FEW, keep_every=5))
    sights, points = zip(*map(hard_landmarks_sample, range(4)), strict=True)
    batch = torch.stack(sights), torch.stack(points)
    with torch.no_grad():
        before, after = (landmarks_loss(nets.landmarks, batch) for nets in (start, improved))
        torch.testing.assert_close(fast_landmarks_loss(improved.landmarks, batch), after, rtol=0.05, atol=0)
    assert after < before / 2
    assert all(torch.equal(values, first[name]) for name, values in start.state_dict().items())
    kept = improved.detector.state_dict()
    assert all(torch.equal(values, first[f"detector.{name}"]) for name, values in kept.items())
    assert (tmp_path / "pose_landmarks_further.state").is_file()


def test_training_twice_gives_the_same_detector() -> None:
    settings = replace(FEW, steps=2, batch_size=2)
    first, second = (train_detector(silent, settings).state_dict() for _ in range(2))
    assert all(torch.equal(values, second[name]) for name, values in first.items())
    began = SmallDetector().state_dict()
    assert list(first) == list(began)


def test_accuracy_is_that_of_known_points() -> None:
    class Knowing(PoseExtractor):
        def __init__(self) -> None: ...

        def extract(self, frames, **_):
            points = clip.poses.points.copy()
            points[:, 4, 0] += 0.5
            points[:, 5, 2] = 0.2
            toes = [JOINT["left_toe"], JOINT["right_toe"]]
            points[:, toes] = points[:, toes[::-1]]
            return clip.poses.with_points(points)

    clip = scene(3)
    accuracy = joint_accuracy(Knowing(), [clip, clip])
    assert accuracy.by_joint["nose"] == 1
    assert accuracy.by_joint["right_wrist"] == accuracy.by_joint["left_shoulder"] == 0
    assert accuracy.overall == pytest.approx(0.8)
    assert accuracy.exchanges == pytest.approx(0.1)
    assert accuracy.inventions == 0


def test_clips_of_lacking_bodies_are_held_out_clips_whose_body_lacks_limbs() -> None:
    first, second = clips_of_lacking_bodies(2)
    assert first.look.anatomy.missing
    assert second.look.anatomy.missing
    *_, eighth = held_out_clips(8)  # the first that lacks limbs
    np.testing.assert_array_equal(first.frames, eighth.frames)
