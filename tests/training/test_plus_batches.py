"""Inputs of Animate-X++ training: clips on disk, synthetic clips, dropped conditions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animatex_core.animate_x_plus.shapes import WanShape
from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.training.animate_x_plus.batches import PlusBatchMaker, draw_dropped
from animatex_core.training.animate_x_plus.clip import WanClip
from animatex_core.training.animate_x_plus.config import PlusDropoutConfig
from animatex_core.training.animate_x_plus.folder import TENSORS, WanClipFolder, begin_folder, write_clip
from animatex_core.training.animate_x_plus.synthetic import (
    COLORS,
    SyntheticSettings,
    draw_background_motion,
    to_video,
    write_synthetic,
)
from animatex_core.training.animate_x_plus.task import add_noise, draw_timesteps
from animatex_core.training.loop.batch_schedule import BatchPlan, Position, plan_batches, prefetch_batches

from .plus_samples import ENCODERS, KEPT, SHAPE, SyntheticWanClips, drawn, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of each task."""
    path = tmp_path_factory.mktemp("clips")
    write_synthetic(path, SyntheticSettings(2, SHAPE), ENCODERS)
    return path


def test_clips_on_disk_are_what_was_drawn(folder: Path) -> None:
    clips = WanClipFolder.open(folder)
    assert (clips.count("animation"), clips.count("ti2v"), len(clips.pool())) == (2, 2, 2)
    assert torch.equal(clips.empty_text, ENCODERS.text(""))
    here, there = (PlusBatchMaker(settings(), each) for each in (clips, SyntheticWanClips(2)))
    for task in ("animation", "ti2v"):
        one, other = (make(BatchPlan(5, (0, 1, 2), task)) for make in (here, there))
        for name in ("latents", "text_context", "clip_features", "y", "kept"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert (one.poses is None) == (other.poses is None) == (task == "ti2v")
        if one.poses is not None and other.poses is not None:
            assert torch.equal(one.poses.pose_video, other.poses.pose_video)
            assert one.poses.pose_video.any()


def test_batches_of_both_tasks_come_from_workers_as_planned(folder: Path) -> None:
    config = settings(steps=6)
    make = PlusBatchMaker(config, WanClipFolder.open(folder))
    plans = list(plan_batches(config, Position()))
    assert {plan.task for plan in plans} == {"animation", "ti2v"}
    batches = list(prefetch_batches(make, iter(plans), 1))
    assert [batch.poses is None for batch in batches] == [plan.task == "ti2v" for plan in plans]
    assert all(len(batch.latents) == 2 for batch in batches)


def test_the_explicit_pose_indicator_changes_what_is_drawn_but_not_the_queries() -> None:
    def aside(poses: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        return poses.with_points(poses.points + np.array([0.2, 0, 0], np.float32))

    plain, changed = (
        PlusBatchMaker(settings(), SyntheticWanClips(), epi).sample(0, 5, "animation").poses
        for epi in (None, aside)
    )
    assert plain is not None
    assert changed is not None
    assert not torch.equal(plain.pose_video, changed.pose_video)
    for name in ("reference_pose", "keypoints", "clip_features"):
        assert torch.equal(getattr(plain, name), getattr(changed, name))


def test_dropped_conditions_are_zero_or_the_empty_prompt() -> None:
    make = PlusBatchMaker(
        settings(dropout={**KEPT, "text": 1.0, "image": 1.0, "motion": 1.0}), SyntheticWanClips()
    )
    batch = make.sample(0, 5, "animation")
    empty = ENCODERS.text("")
    assert torch.equal(batch.text_context[0, : len(empty)], empty)
    assert not batch.text_context[0, len(empty) :].any()
    assert not batch.y.any()
    assert not batch.clip_features.any()
    assert batch.kept.tolist() == [[1.0, 1.0, 0.0]]


def test_conditions_are_dropped_at_their_rates() -> None:
    rng = np.random.default_rng(0)
    draws = [draw_dropped(PlusDropoutConfig(), rng) for _ in range(4000)]
    for name, share in (("pose", 0.05), ("image", 0.1), ("text", 0.1)):
        assert sum(name in dropped for dropped in draws) / 4000 == pytest.approx(share, abs=0.02)


def test_a_shorter_batch_uses_the_start_of_a_clip() -> None:
    shape = WanShape(SHAPE.width, SHAPE.height, 9)
    longer = draw_background_motion(0, 0, 9, shape.width, shape.height).frames
    whole, part = (ENCODERS.latents(to_video(longer[:frames])) for frames in (9, 5))
    clip = replace(drawn(0)["ti2v"][0], latents=whole, image_latents=whole)
    assert torch.equal(clip.first(5).latents, part)
    with pytest.raises(InvalidInput, match=r"has 9 frames, but batches\.frames is 13"):
        clip.first(13)
    dance = drawn(0)["animation"][0].first(1).dance
    assert dance is not None
    assert len(dance.poses) == len(dance.motion.poses) == len(dance.motion.clip) == 1


def test_the_background_moves_as_the_text_says() -> None:
    clips = [draw_background_motion(0, number, 3, 64, 96) for number in range(12)]
    for clip in clips:
        color, _, *way, speed, _, _, figure = clip.caption.rstrip(".").split()
        assert color in COLORS
        assert (speed in ("slowly", "fast"), figure) == (True, "figure")
        before, after = (np.all(frame == COLORS[color], axis=2).astype(float) for frame in clip.frames[:2])
        down, right = shift_between(before, after)
        signs = {"fall": (1, 0), "rise": (-1, 0), "drift left": (0, -1), "drift right": (0, 1)}[" ".join(way)]
        size = 96 * {"slowly": 0.02, "fast": 0.07}[speed]
        assert (down, right) == pytest.approx((signs[0] * size, signs[1] * size), abs=1.0), clip.caption


def shift_between(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """The shift down and right that best aligns one image with another."""
    reach = range(-8, 9)
    agreement = {
        (down, right): float((np.roll(before, (down, right), (0, 1)) * after).sum())
        for down in reach
        for right in reach
    }
    return max(agreement, key=lambda shift: agreement[shift])


def test_sigmas_have_the_density_of_the_sampler() -> None:
    torch.manual_seed(0)
    drawn_at = draw_timesteps(20_000, 5.0)
    assert 0 <= drawn_at.min() <= drawn_at.max() <= 1000
    assert drawn_at.median() == pytest.approx(1000 * 5 * 0.5 / 3, rel=0.01)
    latents, noise = torch.randn(2, 1, 1, 1, 1), torch.randn(2, 1, 1, 1, 1)
    at = add_noise(latents, noise, torch.tensor([0.0, 1000.0]))
    assert torch.equal(at, torch.cat([latents[:1], noise[1:]]))


def clip_with(changes: dict[str, torch.Tensor]) -> WanClip:
    clip = drawn(0)["ti2v"][0]
    tensors = {name: changes.get(name, getattr(clip, name)) for name in TENSORS}
    return WanClip(**tensors, dance=None)


WRONG = [
    ({"latents": torch.zeros(16, 2, 3, 4), "image_latents": torch.zeros(16, 2, 3, 4)}, "set size and wan to"),
    ({"clip_features": torch.zeros(17, 8)}, r"has CLIP features of shape \(17, 8\), but .* needs \(17, 16\)"),
    ({"text_context": torch.full((2, 16), float("nan"))}, "has text states with NaN or infinity: encode it"),
    (
        {"text_context": torch.zeros(13, 16)},
        "has 13 tokens, but the transformer accepts at most 12",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_clip_that_does_not_fit_is_refused(
    changes: dict[str, torch.Tensor], sentence: str, tmp_path: Path
) -> None:
    begin_folder(tmp_path, ENCODERS.text(""))
    write_clip(tmp_path, "ti2v", "wrong", clip_with(changes), "a text", torch.float32)
    make = PlusBatchMaker(settings(dropout=KEPT), WanClipFolder.open(tmp_path))
    with pytest.raises(InvalidInput, match=sentence):
        make.sample(0, 5, "ti2v")


def test_a_folder_that_is_not_a_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"is not a folder of clips for Wan .* contains clips\.json\.$"):
        WanClipFolder.open(tmp_path)
    begin_folder(tmp_path, ENCODERS.text(""))
    with pytest.raises(InvalidInput, match=r"holds no clips: add some, or remove ti2v from batches\.$"):
        WanClipFolder.open(tmp_path).count("ti2v")
    (tmp_path / "ti2v").mkdir()
    (tmp_path / "ti2v" / "a.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{half")
    with pytest.raises(InvalidInput, match=r"a\.safetensors cannot be read"):
        WanClipFolder.open(tmp_path).clip("ti2v", 0)
    (tmp_path / "clips.json").write_text('{"version": 7}')
    with pytest.raises(InvalidInput, match="have version 7, but this library reads version 1"):
        WanClipFolder.open(tmp_path)
