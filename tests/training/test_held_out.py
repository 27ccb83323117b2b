"""The scores of a bundle on held-out characters, checked against closed forms."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from animatex_core.animate_x.components import init_random_weights, load_small
from animatex_core.animate_x.pipeline import AnimateXPipeline, AnimationSettings
from animatex_core.animate_x.sampling import SamplingSettings
from animatex_core.animate_x.training_spec import TrainingSpec
from animatex_core.diffusion.guidance import Guidance
from animatex_core.encoders.autoencoder import SMALL_AUTOENCODER, network_on_meta
from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.reference import Reference
from animatex_core.training.small_models import held_out, scores
from animatex_core.training.small_models.held_out import BLURRED, FROZEN, MEAN, OTHER, REAL, REPEATED
from animatex_core.training.small_models.held_out_report import report
from animatex_core.training.small_models.held_out_sheets import in_columns
from animatex_core.training.synthetic.triples import Scene, draw_triple

from ..animate_x.samples import tiny_unet
from ..support.small_bundles import write_bundle_on_patches, write_small_bundle

SETTINGS = held_out.HeldOutSettings(
    pairs=2, frames=3, width=64, height=128, sampling=SamplingSettings(steps=2, guidance=Guidance(1.0))
)


@pytest.fixture(scope="module")
def animator(tmp_path_factory: pytest.TempPathFactory) -> held_out.HeldOut:
    bundle = write_small_bundle(tmp_path_factory.mktemp("bundle"))
    return held_out.HeldOut(load_small(bundle, torch.float32, torch.device("cpu")), SETTINGS)


def grey(*levels: int) -> np.ndarray:
    """Frames of a uniform grey each."""
    return np.stack([np.full((16, 16, 3), level, np.uint8) for level in levels])


def test_psnr_is_that_of_a_known_error() -> None:
    psnr, ssim = scores.similarity(grey(100, 100), grey(110, 120))
    expected = np.mean([20 * np.log10(255 / 10), 20 * np.log10(255 / 20)])
    assert psnr == pytest.approx(expected, abs=1e-3)
    assert ssim < 1
    assert scores.similarity(grey(7), grey(7))[1] == pytest.approx(1)


def test_only_moving_pixels_count() -> None:
    true = grey(100, 100)
    true[1, :4] = 200
    found = true.copy()
    found[:, 8:] = 0  # these pixels rest, so they do not count
    found[:, :4] += 20
    assert scores.moving_pixels(true).sum() == 2 * 4 * 16
    assert scores.moving_psnr(found, true) == pytest.approx(20 * np.log10(255 / 20), abs=1e-6)


def test_flicker_is_the_change_of_still_pixels_beyond_that_of_the_true_clip() -> None:
    true = grey(100, 100, 100, 100)
    true[1::2, :4] = 200  # these pixels move, so they do not count
    true[1::2, 4:8] += 2  # still, since 2 levels are less than the threshold
    found = grey(100, 106, 100, 106)
    found[:, :4] = np.random.default_rng(0).integers(0, 256, found[:, :4].shape)
    assert scores.flicker(found, true) == pytest.approx(6 - 2 * 4 / 12)
    assert scores.flicker(true, true) == 0
    assert scores.flicker(grey(9, 9, 9, 9), true) == pytest.approx(-2 * 4 / 12)
    assert np.isnan(scores.flicker(found, grey(0, 255, 0, 255)))


def test_only_equal_clips_have_perceptual_distance_zero() -> None:
    network = network_on_meta(SMALL_AUTOENCODER).to_empty(device="cpu")
    init_random_weights(network, 0)
    clips = [draw_triple(0, number, 2, 64, 96).target.frames for number in range(2)]
    noisy = np.clip(clips[0].astype(int) + np.random.default_rng(0).integers(-9, 10, clips[0].shape), 0, 255)
    to_noisy = scores.perceptual_distance(network.encoder, noisy.astype(np.uint8), clips[0])
    to_other = scores.perceptual_distance(network.encoder, clips[1], clips[0])
    assert scores.perceptual_distance(network.encoder, clips[0], clips[0]) == pytest.approx(0, abs=1e-6)
    assert 0 < to_noisy < to_other < 4


@pytest.mark.parametrize(("level", "share"), [(200, 1.0), (20, 0.0)])
def test_colours_are_only_compared_inside_the_mask(level: int, share: float) -> None:
    true, found = grey(200), grey(level)
    mask = np.zeros((1, 16, 16), bool)
    mask[:, :8] = True
    found[:, 8:] = 99
    assert scores.color_overlap(found, true, mask) == pytest.approx(share)


def test_joints_are_near_within_a_part_of_the_height() -> None:
    scene = draw_triple(0, 0, 2, 64, 96).target
    points = scene.poses.points.copy()
    points[:, :20, 1] += 0.02 * scene.body_height / 96 * (scene.poses.body[..., 2] > 0)
    moved = scene.poses.with_points(points)
    near, distance = scores.joints_near(moved, scene)
    assert near == 1
    assert distance == pytest.approx(0.02, rel=1e-4)
    assert scores.joints_near(moved, replace(scene, stature=0.3 * scene.stature))[0] == 0


def test_a_pair_is_animated_by_its_own_a_frozen_and_another_pose(animator: held_out.HeldOut) -> None:
    case = animator.case(0)
    controls = {held_out.PUPPET, held_out.BLURRED_PUPPET, held_out.CEILING}
    assert set(case.clips) == {REAL, FROZEN, OTHER, held_out.OWN, REPEATED, BLURRED, MEAN} | controls
    puppet, smooth = case.clips[held_out.PUPPET], case.clips[held_out.BLURRED_PUPPET]
    assert smooth.std() < puppet.std()
    assert not np.array_equal(case.clips[held_out.OWN], case.clips[REAL])
    assert {clip.shape for clip in case.clips.values()} == {(3, 128, 64, 3)}
    assert {clip.dtype for clip in case.clips.values()} == {np.dtype(np.uint8)}
    assert (case.clips[REPEATED] == case.triple.reference.frames).all()
    middle = case.triple.target.frames.mean(axis=0)
    assert np.abs(case.clips[MEAN] - middle).max() <= 0.5
    assert not np.array_equal(case.clips[REAL], case.clips[OTHER])
    again = animator.case(0)
    assert all(np.array_equal(again.clips[name], clip) for name, clip in case.clips.items())


def test_a_bundle_on_patches_is_animated_from_its_puppet(tmp_path: Path) -> None:
    networks = load_small(write_bundle_on_patches(tmp_path), torch.float32, torch.device("cpu"))
    settings = replace(SETTINGS, driven_by=(held_out.OWN,))
    shown = held_out.HeldOut(networks, settings).case(0).clips[held_out.OWN]
    blind = replace(networks, unet=tiny_unet(replace(networks.unet.config, puppet=False)))
    other = held_out.HeldOut(blind, settings).case(0).clips[held_out.OWN]
    assert shown.shape == other.shape == (3, 128, 64, 3)
    assert not np.array_equal(shown, other)


@dataclass(frozen=True)
class InMemory:
    """A dancer as a driving source."""

    scene: Scene

    @property
    def poses(self) -> PoseSequence:
        return self.scene.poses

    def frames(self) -> Iterator[np.ndarray]:
        return iter(self.scene.frames)

    def require_all(self, found: int) -> None:
        assert found == len(self.scene.frames)


def test_a_clip_longer_than_a_window_is_what_the_pipeline_animates(tmp_path: Path) -> None:
    networks = load_small(write_bundle_on_patches(tmp_path), torch.float32, torch.device("cpu"))
    networks = replace(networks, trained_on=TrainingSpec(64, 128, 8, "both"))
    settings = replace(SETTINGS, frames=12, driven_by=(REAL,), sampling=SamplingSettings.for_small_bundle())
    case = held_out.HeldOut(networks, settings).case(1)
    scene = case.triple.reference
    animation = AnimateXPipeline(networks).animate(
        Reference(scene.frames[0], scene.poses),
        InMemory(case.triple.driver),
        AnimationSettings(64, 128, held_out.CHARACTER_RETARGETING, replace(settings.sampling, seed=1)),
    )
    assert len(animation.frames) == 12
    np.testing.assert_array_equal(case.clips[REAL], animation.frames)


def test_a_single_frame_is_refused() -> None:
    with pytest.raises(InvalidInput, match="frames is 1"):
        replace(SETTINGS, frames=1)


def test_the_true_clip_scores_best(animator: held_out.HeldOut) -> None:
    case = animator.case(1)
    true = replace(case, clips={"true": case.triple.target.frames, REPEATED: case.clips[REPEATED]})
    found = animator.scores(true)
    best, repeated = found["true"], found[REPEATED]
    assert best["SSIM"] == pytest.approx(1)
    assert best["colours"] == pytest.approx(1)
    assert best["perceptual"] == pytest.approx(0, abs=1e-5)
    assert best["PSNR"] > 90 > repeated["PSNR"]
    assert best["moving PSNR"] > repeated["moving PSNR"]


def test_a_report_is_a_table_scores_and_sheets(animator: held_out.HeldOut, tmp_path: Path) -> None:
    few = replace(animator, settings=replace(SETTINGS, driven_by=(REAL,)))
    messages: list[str] = []
    means = report(few, tmp_path / "out", messages.append)
    written = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert messages == ["1 of 2 pairs", "2 of 2 pairs"]
    assert set(means) == {REAL, REPEATED, BLURRED, MEAN}
    for name, values in means.items():
        for score, value in values.items():
            each = [one[name][score] for one in written["each"]]
            assert value == pytest.approx(np.mean(each))
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == list(means)
    with Image.open(tmp_path / "out" / "sheet_0.png") as sheet:
        assert sheet.size == (64 * 10, 128 * 2)
    galleries = {path.name: path for path in (tmp_path / "out").glob("characters_*.png")}
    assert sorted(galleries) == ["characters_driving_pose.png", "characters_true.png"]
    shown = {name: np.asarray(Image.open(path)) for name, path in galleries.items()}
    case = few.case(1)  # in the second column: the character, then each of the three frames
    clips = {"driving_pose": case.clips[REAL], "true": case.triple.target.frames}
    for name, clip in clips.items():
        row = np.concatenate([*case.triple.reference.frames, *clip], axis=1)
        np.testing.assert_array_equal(shown[f"characters_{name}.png"][:, -64 * 4 :], row)


def test_columns_are_filled_from_the_top() -> None:
    rows = [np.full((2, 3, 3), level, np.uint8) for level in (10, 20, 30)]
    sheet = in_columns(rows, 2)
    assert sheet.shape == (4, 3 + 8 + 3, 3)
    corners = sheet[:2, :3], sheet[2:, :3], sheet[:2, -3:], sheet[2:, 3:]
    assert [np.unique(corner).tolist() for corner in corners] == [[10], [20], [30], [255]]
