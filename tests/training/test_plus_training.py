"""Animate-X++ with the trainer: both tasks train, each its own parts, and resuming is exact."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x_plus.checkpoint import convert_plus, load_plus, read_plus
from animatex_core.animate_x_plus.lora import merge_lora
from animatex_core.animate_x_plus.wan.keys import diffusers_name, wan_shapes
from animatex_core.animate_x_plus.wan.transformer import WanInputs, load_wan, predict
from animatex_core.checkpoints.safetensors_writer import tensor_layout, write_safetensors
from animatex_core.errors import InvalidInput, WrongCheckpoint
from animatex_core.training.animate_x.task import to_denoiser_file
from animatex_core.training.animate_x_plus.batches import PlusBatch, PlusBatchMaker
from animatex_core.training.animate_x_plus.config import PlusTrainingConfig
from animatex_core.training.animate_x_plus.network import random_wan_weights, start_network
from animatex_core.training.animate_x_plus.task import export_plus, transformer_path
from animatex_core.training.animate_x_plus.trainable_parts import ADDED, LORA, part_of
from animatex_core.training.data.settings import Task
from animatex_core.training.loop.batch_schedule import BatchPlan
from animatex_core.training.loop.checkpoint import latest_checkpoint
from animatex_core.training.loop.trainer import StepReport, Trainer
from animatex_core.training.systems import read_checkpoint

from .plus_samples import KEPT, SETTINGS, SyntheticWanClips, settings, training

TASKS: tuple[Task, ...] = ("animation", "ti2v")
FOLLOWING_POSES = {*ADDED, "lora.self_attn", "lora.ffn"}
FOLLOWING_TEXT = {"lora.cross_attn", "lora.ffn"}
POSE_INPUTS = ("pose_video", "reference_pose", "keypoints", "clip_features")


def of_task(task: Task, size: int = 2) -> dict[str, object]:
    return {"task": task, "frames": 5, "batch_size": size}


def weights(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def changed_parts(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {part_of(name) for name, value in before.items() if not torch.equal(value, after[name])}


def official(config: PlusTrainingConfig) -> dict[str, Tensor]:
    """The random transformer with the official keys."""
    generated = random_wan_weights(config)
    return {key: generated[diffusers_name(key)] for key in wan_shapes(config.wan)}


def batch_of(task: Task, config: PlusTrainingConfig, clips: int = 1, size: int = 8) -> PlusBatch:
    maker = PlusBatchMaker(config, SyntheticWanClips(clips))
    return maker(BatchPlan(5, tuple(range(size)), task))


@torch.no_grad()
def fixed_loss(trained: Trainer, batch: PlusBatch) -> float:
    """The loss of a batch with fixed noise, at timesteps over the whole range."""
    noise = torch.randn(batch.latents.shape, generator=torch.Generator().manual_seed(1))
    loss, _ = trained.model(batch, noise, torch.linspace(100, 990, len(batch.latents)))
    return float(loss)


def test_both_losses_decrease(tmp_path: Path) -> None:
    config = settings(steps=40, lora={"rank": 16}, dropout=KEPT, batches=[of_task(task, 4) for task in TASKS])
    trained = training(config, tmp_path, clips=1)
    batches = {task: batch_of(task, config) for task in TASKS}
    before = {task: fixed_loss(trained, batch) for task, batch in batches.items()}
    trained.run()
    for task, batch in batches.items():
        assert fixed_loss(trained, batch) < 0.75 * before[task], task


def test_a_step_changes_only_the_parts_of_its_task(tmp_path: Path) -> None:
    trained = training(settings(steps=6), tmp_path)
    transformer, last = weights(trained.model.transformer), weights(trained.network)
    changed: dict[str, set[str]] = {task: set() for task in TASKS}

    def watch(now: Trainer, report: StepReport) -> None:
        after = weights(now.network)
        changed[report.task] |= changed_parts(last, after)
        last.update(after)

    trained.run([watch])
    assert changed == {"animation": FOLLOWING_POSES, "ti2v": FOLLOWING_TEXT}
    after = weights(trained.model.transformer)
    assert all(torch.equal(value, after[name]) for name, value in transformer.items())


@pytest.mark.parametrize(("task", "parts"), [("animation", FOLLOWING_POSES), ("ti2v", FOLLOWING_TEXT)])
def test_parts_that_a_task_does_not_train_keep_their_initial_values(
    task: Task, parts: set[str], tmp_path: Path
) -> None:
    config = settings(steps=3, batches=[of_task(task)])
    training(config, tmp_path).run()
    checkpoint = read_checkpoint(latest_checkpoint(tmp_path))
    began = weights(start_network(config, resumed=False))
    for prefix in ("weights.", "average."):
        assert changed_parts(began, checkpoint.under(prefix)) == parts
    assert {part_of(name) for name in checkpoint.under("first_moment.")} == parts


def test_the_trained_parts_are_a_setting(tmp_path: Path) -> None:
    config = settings(
        steps=2,
        trains={"animation": ["dwpose_embedding"], "ti2v": list(LORA)},
        batches=[of_task("animation")],
    )
    trained = training(config, tmp_path)
    before = weights(trained.network)
    trained.run()
    assert changed_parts(before, weights(trained.network)) == {"dwpose_embedding"}
    assert {part_of(name) for name in before} == {*ADDED, *LORA}


def test_ti2v_trains_the_modules_on_poses_of_zeros_if_tasks_share_their_parts(tmp_path: Path) -> None:
    parts = [*ADDED, *LORA]
    shared = {"animation": parts, "ti2v": parts}
    config = settings(steps=2, trains=shared, dropout=KEPT, batches=[of_task("ti2v")])
    poses = batch_of("ti2v", config, size=2).poses
    assert poses is not None
    assert not any(getattr(poses, name).any() for name in POSE_INPUTS)
    assert batch_of("animation", config, size=2).poses is not None
    trained = training(config, tmp_path)
    before = weights(trained.network)
    trained.run()
    assert changed_parts(before, weights(trained.network)) == set(parts)


def test_a_resumed_training_is_bit_identical(tmp_path: Path) -> None:
    config = settings(accumulation=2)
    training(config, tmp_path / "whole").run()
    training(config, tmp_path / "parts").run(stop=lambda: True)
    # Neither workers nor gradient checkpointing may change anything.
    other = settings(accumulation=2, workers=1, gradient_checkpointing=True)
    training(other, tmp_path / "parts").run()
    one, two = (read_checkpoint(latest_checkpoint(tmp_path / name)) for name in ("whole", "parts"))
    assert one.position == two.position
    assert one.tensors.keys() == two.tensors.keys()
    assert all(torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items())


@pytest.mark.parametrize("variant", ["full", "simple"])
def test_the_export_has_the_official_format_and_gives_the_same_output(variant: str, tmp_path: Path) -> None:
    modules = {**SETTINGS["modules"], "variant": variant}
    if variant == "simple":
        del modules["ipi"]
    config = settings(modules=modules, dropout=KEPT)
    trained = training(config, tmp_path)
    trained.run()
    released, converted = tmp_path / "released.safetensors", tmp_path / "converted.safetensors"
    export_plus(read_checkpoint(latest_checkpoint(tmp_path)), released, torch.float32)
    assert convert_plus(released, converted, config.modules, config.wan) == variant
    loaded = load_plus(converted)
    wan = merge_lora(official(config), read_plus(released, config.modules, config.wan).lora)
    transformer = load_wan(wan, config.wan, dtype=torch.float32)
    batch = batch_of("animation", config, size=2)
    assert batch.poses is not None
    assert trained.average is not None
    noisy, timesteps = torch.randn_like(batch.latents), torch.tensor([900.0, 300.0])
    with torch.no_grad(), trained.average.in_place():
        trained.network.eval()
        inputs = WanInputs(batch.text_context, batch.clip_features, batch.y, trained.model.conditions(batch))
        expected = predict(trained.model.transformer, noisy, timesteps, inputs)
        inputs = WanInputs(
            batch.text_context, batch.clip_features, batch.y, loaded.networks.encode(batch.poses)
        )
        torch.testing.assert_close(
            predict(transformer, noisy, timesteps, inputs), expected, rtol=0, atol=1e-5
        )
        plain = load_wan(random_wan_weights(config), config.wan, dtype=torch.float32)
        assert (predict(plain, noisy, timesteps, inputs) - expected).abs().max() > 1e-3


def test_an_export_starts_another_training(tmp_path: Path) -> None:
    trained = training(settings(), tmp_path)
    trained.run()
    target = tmp_path / "exported.safetensors"
    export_plus(read_checkpoint(latest_checkpoint(tmp_path)), target, torch.float32)
    assert trained.average is not None
    began = weights(start_network(settings(initial_weights=str(target)), resumed=False))
    assert all(torch.equal(value, trained.average.tensors[name]) for name, value in began.items())
    with pytest.raises(WrongCheckpoint, match=r"does not fit lora\.rank and lora\.targets of the conf"):
        start_network(settings(initial_weights=str(target), lora={"rank": 8}), resumed=False)
    converted = tmp_path / "converted.safetensors"
    convert_plus(target, converted, settings().modules, settings().wan)
    modules = {**SETTINGS["modules"], "variant": "simple", "ipi": None}
    with pytest.raises(WrongCheckpoint, match="does not fit modules of the configuration"):
        start_network(settings(initial_weights=str(converted), modules=modules), resumed=False)
    with pytest.raises(WrongCheckpoint, match="is of a training of Animate-X"):
        to_denoiser_file(read_checkpoint(latest_checkpoint(tmp_path)))


def test_the_first_step_sees_the_output_of_plain_wan(tmp_path: Path) -> None:
    config = settings(dropout=KEPT)
    trained = training(config, tmp_path)
    batch = batch_of("animation", config, size=2)
    noise, timesteps = torch.randn_like(batch.latents), torch.tensor([700.0, 200.0])
    plain = PlusBatch(
        batch.latents, batch.text_context, batch.clip_features, batch.y, poses=None, kept=batch.kept
    )
    with torch.no_grad():
        (conditioned, _), (bare, _) = (trained.model(each, noise, timesteps) for each in (batch, plain))
    assert torch.equal(conditioned, bare)


def test_a_transformer_is_read_from_a_folder_of_files(tmp_path: Path) -> None:
    tensors = official(settings())
    halves = list(tensors.items())[::2], list(tensors.items())[1::2]
    for number, half in enumerate(halves):
        write_safetensors(tmp_path / "wan" / f"{number}.safetensors", tensor_layout(dict(half)), half, {})
    one = training(settings(transformer=str(tmp_path / "wan")), tmp_path / "one").model.transformer
    other = training(settings(), tmp_path / "other").model.transformer
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="that folder holds no safetensors file"):
        training(settings(transformer=str(tmp_path / "empty")), tmp_path / "third")


def test_a_wan_is_trained_whole_and_then_built_upon(tmp_path: Path) -> None:
    trains = {"animation": ["dwpose_embedding"], "ti2v": ["transformer"]}
    config = settings(steps=2, trains=trains, batches=[of_task("ti2v")])
    trained = training(config, tmp_path)
    before = weights(trained.network)
    trained.run()
    assert changed_parts(before, weights(trained.network)) == {"transformer"}
    target = tmp_path / "wan.safetensors"
    export_plus(read_checkpoint(latest_checkpoint(tmp_path)), target, torch.float32)
    upon = training(settings(transformer=str(transformer_path(target))), tmp_path / "upon").model.transformer
    assert trained.average is not None
    for name, value in weights(upon).items():
        assert torch.equal(value, trained.average.tensors[f"transformer.{name}"])
    # Resuming needs no file.
    training(settings(**{**config.to_dict(), "steps": 3, "transformer": "gone"}), tmp_path).run()
