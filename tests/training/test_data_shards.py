import json
import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animatex_core.animate_x.conditioning import clip_conditions
from animatex_core.animate_x.puppet_condition import PuppetCondition
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.errors import InvalidInput
from animatex_core.training.data.clip import StoredClip
from animatex_core.training.data.header import HEADER as HEADER_FILE
from animatex_core.training.data.header import DatasetHeader
from animatex_core.training.data.selection import choose_indices, choose_reference
from animatex_core.training.data.shards import ShardDataset, ShardWriter
from tests.training.stored_clips import CONTEXT, HEADER, folder_clip, triple

SHARD = "shard-00000000.safetensors"


def written(
    folder: Path, clips: list[StoredClip], header: DatasetHeader = HEADER, clips_per_shard: int = 2
) -> ShardDataset:
    with ShardWriter.create(folder, header, CONTEXT, clips_per_shard) as writer:
        for clip in clips:
            writer.add(clip)
    return ShardDataset.open(folder)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_puppet_follows_its_frames(tmp_path: Path) -> None:
    header = replace(HEADER, puppet=True)
    clip = replace(
        triple(8, 0, header),
        puppet=PuppetCondition(
            torch.arange(8.0).view(8, 1, 1, 1).expand(8, *HEADER.latent_shape),
            (torch.arange(8.0) / 255).view(8, 1, 1).expand(8, HEADER.height, HEADER.width),
        ),
    )
    found = written(tmp_path, [clip], header).clip(0, 3, rng())
    assert found.puppet is not None
    assert found.puppet.latents.transpose(0, 1).shape == found.latents.shape
    assert (found.puppet.alpha * 255)[:, 0, 0].tolist() == pytest.approx(
        found.puppet.latents[:, 0, 0, 0].tolist(), abs=1e-3
    )
    steps = found.puppet.latents[:, 0, 0, 0].diff()
    assert steps.tolist() == [1.0, 1.0]


def test_an_older_data_set_has_no_puppet(tmp_path: Path) -> None:
    written(tmp_path, [triple(8)])
    values = json.loads((tmp_path / HEADER_FILE).read_text())
    del values["puppet"]
    (tmp_path / HEADER_FILE).write_text(json.dumps(values))
    assert ShardDataset.open(tmp_path).clip(0, 2, rng()).puppet is None


@pytest.mark.parametrize("header", [HEADER, replace(HEADER, form="both"), replace(HEADER, form="latents")])
def test_what_is_read_is_what_was_written(tmp_path: Path, header: DatasetHeader) -> None:
    clips = [triple(8, seed, header) for seed in range(3)]
    dataset = written(tmp_path, clips, header)
    for index, stored in enumerate(clips):
        clip, reference = dataset.clip(index, 8, rng()), stored.references[0]
        assert reference.pose is not None
        assert clip.reference.pose is not None
        torch.testing.assert_close(clip.latents.transpose(0, 1), stored.latents, atol=1e-3, rtol=0)
        torch.testing.assert_close(clip.motion.clip, stored.motion.clip, atol=1e-3, rtol=0)
        torch.testing.assert_close(clip.reference.embedding, reference.embedding, atol=1e-3, rtol=0)
        torch.testing.assert_close(clip.reference.latents, reference.latents, atol=1e-3, rtol=0)
        np.testing.assert_array_equal(clip.reference.picture, reference.picture)
        np.testing.assert_array_equal(clip.reference.pose.points, reference.pose.points)
        np.testing.assert_array_equal(clip.poses.points, stored.poses.points)
        np.testing.assert_array_equal(clip.motion.poses.points, stored.motion.poses.points)
        poses = clip.poses, clip.motion.poses
        assert [(each.width, each.height, each.fps) for each in poses] == [(640, 480, 24), (640, 480, None)]
        assert (clip.motion.width, clip.motion.height) == (320, 240)
        assert clip.reference.shows_picture == (header.form != "latents")


def test_a_clip_becomes_conditions(tmp_path: Path) -> None:
    dataset = written(tmp_path, [triple()])
    clip = dataset.clip(0, 5, rng())
    inputs = clip_conditions(
        ClipShape(128, 192, 5), dataset.text_context, clip.reference, clip.poses, clip.motion
    )
    assert inputs.clip_features is not None
    assert inputs.clip_features.shape == (1, 6, 64)
    assert torch.equal(dataset.text_context, CONTEXT)


def test_jpeg_changes_a_picture_a_little(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 128 * 192 * 3).reshape(192, 128, 3).astype(np.uint8)
    stored = triple()
    stored = replace(stored, references=(replace(stored.references[0], picture=smooth),))
    dataset = written(tmp_path, [stored], replace(HEADER, pictures="jpeg"))
    read = dataset.clip(0, 8, rng()).reference.picture
    assert np.abs(read.astype(int) - smooth).max() <= 4
    assert (tmp_path / "shard-00000000.safetensors").stat().st_size < 128 * 192 * 3 + 8 * (3072 + 3120 + 128)


def test_a_character_that_drives_itself_is_stored_once(tmp_path: Path) -> None:
    dataset = written(tmp_path / "own", [folder_clip(8)])
    written(tmp_path / "other", [replace(folder_clip(8), motion=triple(8).motion)])
    clip = dataset.clip(0, 8, rng())
    assert clip.motion.poses is clip.poses
    sizes = [next((tmp_path / name).glob("shard*")).stat().st_size for name in ("own", "other")]
    assert sizes[1] - sizes[0] == 8 * 130 * 3 * 4


def test_frames_have_one_stride_and_the_rate_follows_it(tmp_path: Path) -> None:
    stored = [folder_clip(20, 1), folder_clip(40, 2)]
    dataset = written(tmp_path, stored, replace(HEADER, max_stride=4))
    chosen = [dataset.clip(1, 8, rng(seed)) for seed in range(30)]
    strides = set()
    for clip in chosen:
        places = [
            int(np.argmin(np.abs(stored[1].poses.points[:, 0, 0] - x))) for x in clip.poses.points[:, 0, 0]
        ]
        (stride,) = set(np.diff(places))
        assert clip.poses.fps == 24 / stride
        strides.add(int(stride))
    assert strides == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("total", "frames", "most"), [(8, 8, 4), (9, 5, 4), (30, 1, 4), (33, 32, 9), (1, 1, 1)]
)
def test_all_choices_within_the_clip_are_made_and_no_others(total: int, frames: int, most: int) -> None:
    choices = {choose_indices(total, frames, most, rng(seed)) for seed in range(200)}
    assert all(len(choice) == frames and 0 <= choice[0] <= choice[-1] < total for choice in choices)
    strides = range(1, min(most, (total - 1) // (frames - 1)) + 1) if frames > 1 else [1]
    assert len(choices) == sum(total - (frames - 1) * stride for stride in strides)


def test_a_reference_is_not_a_frame_of_the_sample_if_possible() -> None:
    picks = [choose_reference([0, 10, 19], range(5, 15), rng(seed)) for seed in range(20)]
    assert set(picks) == {0, 2}
    assert {choose_reference([5, 6], range(5, 15), rng(seed)) for seed in range(20)} == {0, 1}


def test_the_same_random_state_gives_the_same_clip(tmp_path: Path) -> None:
    dataset = written(tmp_path, [folder_clip(20)], replace(HEADER, max_stride=2))
    one, same, other = (dataset.clip(0, 6, rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.latents, same.latents)
    np.testing.assert_array_equal(one.reference.picture, same.reference.picture)
    assert not torch.equal(one.latents, other.latents)


def test_a_reference_without_a_pose_has_none(tmp_path: Path) -> None:
    stored = triple()
    stored = replace(stored, references=(replace(stored.references[0], pose=None),))
    assert written(tmp_path, [stored]).clip(0, 8, rng()).reference.pose is None


def test_the_pool_has_a_short_sequence_of_every_clip(tmp_path: Path) -> None:
    pool = written(tmp_path, [folder_clip(5), folder_clip(40), triple(16)]).pool()
    assert [len(poses) for poses in pool] == [5, 14, 16]
    np.testing.assert_array_equal(pool[0].points, folder_clip(5).poses.points)


def test_a_writer_resumes_where_another_stopped(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def interrupted() -> None:
        with ShardWriter.create(tmp_path, HEADER, CONTEXT, 2) as writer:
            for seed in range(3):
                writer.add(triple(8, seed))
            raise Stopped

    with pytest.raises(Stopped):
        interrupted()
    with ShardWriter.create(tmp_path, HEADER, CONTEXT, 2) as writer:
        assert writer.written == 3
        writer.add(triple(8, 3))
    dataset = ShardDataset.open(tmp_path)
    firsts = [dataset.clip(index, 8, rng()).poses.points[0, 0, 0] for index in range(len(dataset))]
    assert firsts == [triple(8, seed).poses.points[0, 0, 0] for seed in range(4)]


def test_a_writer_replaces_no_shard_after_another_was_deleted(tmp_path: Path) -> None:
    written(tmp_path, [triple(8, seed) for seed in range(4)])
    (tmp_path / SHARD).unlink()
    assert len(written(tmp_path, [triple(8, 4)])) == 3


def latents_sum(dataset: ShardDataset, index: int) -> float:
    return float(dataset.clip(index, 4, rng(index)).latents.sum())


def test_other_processes_read_it_too(tmp_path: Path) -> None:
    dataset = written(tmp_path, [triple(8, seed) for seed in range(3)])
    expected = [latents_sum(dataset, index) for index in range(3)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.starmap(latents_sum, [(dataset, index) for index in range(3)]) == expected


Damage = Callable[[Path], object]


def without(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def changed(**values: object) -> Damage:
    def change(folder: Path) -> None:
        path = folder / HEADER_FILE
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


BAD = [
    (lambda folder: shutil.rmtree(folder), "not an existing folder"),
    (without(HEADER_FILE), "is not a data set"),
    (without(SHARD), "no clips yet"),
    (without("text_context.safetensors"), "cannot be read"),
    (cut(SHARD), r"damaged \(.*\): delete the file, and prepare its clips again\.$"),
    (cut(HEADER_FILE), "cannot be read"),
    (changed(version=99), "version 99"),
    (changed(colour="red"), "unknown entries"),
    (changed(width=0), "width is 0"),
    (changed(form="song"), "form is 'song'"),
    (changed(clip_dim=32), "another form"),
]


@pytest.mark.parametrize(("damage", "message"), BAD, ids=[message for _, message in BAD])
def test_what_cannot_be_read_is_refused(tmp_path: Path, damage: Damage, message: str) -> None:
    written(tmp_path / "data", [triple()])
    damage(tmp_path / "data")
    with pytest.raises(InvalidInput, match=message):
        ShardDataset.open(tmp_path / "data")


def test_clips_of_another_form_or_of_other_networks_are_not_mixed(tmp_path: Path) -> None:
    written(tmp_path, [triple()])
    with pytest.raises(InvalidInput, match="width 128, not 64"):
        ShardWriter.create(tmp_path, replace(HEADER, width=64), CONTEXT)
    with pytest.raises(InvalidInput, match="that other models encoded"):
        ShardWriter.create(tmp_path, HEADER, CONTEXT + 1)


def test_more_frames_than_a_clip_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has 8 frames, but the batch needs 9"):
        written(tmp_path, [triple()]).clip(0, 9, rng())
