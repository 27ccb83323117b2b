"""The training loop: it learns, and resuming is exact."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from animatex_core.animate_x.checkpoint import load_denoiser
from animatex_core.animate_x.sampling import SamplingSettings, sample_latents
from animatex_core.animate_x.training_spec import TrainingSpec
from animatex_core.errors import CheckpointError, InvalidInput, WrongCheckpoint
from animatex_core.training.animate_x.batches import DenoiserBatchMaker
from animatex_core.training.animate_x.config import TrainingConfig
from animatex_core.training.animate_x.network import start_unet
from animatex_core.training.animate_x.task import DenoisingTask, export_denoiser
from animatex_core.training.loop.checkpoint import AVERAGE, WEIGHTS, checkpoints, latest_checkpoint
from animatex_core.training.loop.optimizer import checkpoint_layers, make_optimizer
from animatex_core.training.loop.trainer import Trainer
from animatex_core.training.systems import read_checkpoint

from .training_samples import RandomClips, settings


def training(config: TrainingConfig, folder: Path, clips: RandomClips | None = None) -> Trainer:
    """Start a training, or resume it if the folder has a checkpoint."""
    checkpoint = read_checkpoint(latest_checkpoint(folder)) if checkpoints(folder) else None
    maker = DenoiserBatchMaker(config, clips or RandomClips())
    return Trainer(maker, DenoisingTask(maker), folder, Accelerator(cpu=True), checkpoint)


def losses(config: TrainingConfig, folder: Path, steps: int = 1000, **more: Any) -> list[float]:
    """Train for at most this many steps and return the losses."""
    found: list[float] = []
    training(config, folder, **more).run(
        [lambda _, report: found.append(report.loss)], stop=lambda: len(found) >= steps - 1
    )
    return found


def state(folder: Path) -> dict[str, Tensor]:
    return dict(read_checkpoint(latest_checkpoint(folder)).tensors)


def test_a_resumed_training_is_bit_identical(tmp_path: Path) -> None:
    config = settings(steps=4, accumulation=2, loss={"moving_weight": 1.0})
    assert config.model.dropout > 0
    whole = losses(config, tmp_path / "whole")
    parts = losses(config, tmp_path / "parts", steps=2)
    # Neither workers nor gradient checkpointing may change anything.
    other = settings(**{**config.to_dict(), "workers": 1, "gradient_checkpointing": True})
    parts += losses(other, tmp_path / "parts", steps=1) + losses(other, tmp_path / "parts")
    assert parts == whole
    one, two = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_first_loss_is_that_of_predicting_nothing(tmp_path: Path) -> None:
    config = settings(steps=1, loss={"noise_offset": 0.0})
    (loss,) = losses(config, tmp_path)
    # v has the variance of noise and of latents, which is 1 here.
    assert loss == pytest.approx(1, abs=0.1)


def test_the_loss_on_one_clip_decreases(tmp_path: Path) -> None:
    kept = {"all_dropped": 0.0, "all_kept": 1.0}
    batches = [{"frames": 1, "batch_size": 4}]
    optimizer = {"learning_rate": 5e-3, "learning_rate_ipi": 5e-3}
    model = {**settings().to_dict()["model"], "ipi": None, "dropout": 0.0}
    config = settings(model=model, steps=24, batches=batches, dropout=kept, optimizer=optimizer)
    found = losses(config, tmp_path, clips=RandomClips(clips=1))
    assert np.mean(found[-5:]) < 0.8 * np.mean(found[:5])


def test_minutes_end_a_training_with_a_checkpoint(tmp_path: Path) -> None:
    started = training(settings(steps=100, minutes=1.0), tmp_path)
    seconds = iter(range(0, 10_000, 10))
    position = started.run(clock=lambda: next(seconds))
    assert 1 < position.step < 6
    assert latest_checkpoint(tmp_path).name == f"step-{position.step:09}.safetensors"


def test_checkpoints_are_written_by_steps_and_the_last_are_kept(tmp_path: Path) -> None:
    losses(settings(checkpoints={"every_steps": 1, "keep": 2}), tmp_path)
    # The temporary file of a killed process is not a checkpoint.
    (tmp_path / "checkpoints" / "step-000000009.safetensors.0f.part").write_bytes(b"half")
    assert [path.name for path in checkpoints(tmp_path)] == [
        "step-000000004.safetensors",
        "step-000000005.safetensors",
    ]
    latest_checkpoint(tmp_path).write_bytes(b"\x10\0\0\0\0\0\0\0{half")
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(latest_checkpoint(tmp_path))


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(tmp_path: Path) -> None:
    training(settings(steps=1), tmp_path).run()
    started = training(settings(), tmp_path)

    def spoil(_training: Trainer, report: Any) -> None:
        if report.position.step == 2:
            # Detected before the next step changes weights or averages.
            torch.nn.init.constant_(started.network.out[-1].get_parameter("bias"), float("nan"))

    with pytest.raises(InvalidInput, match=r"^The loss of step 2 is nan .* \(that of step 1\)\.$"):
        started.run([spoil])
    assert latest_checkpoint(tmp_path).name == "step-000000001.safetensors"
    assert all(tensor.isfinite().all() for tensor in started.average.tensors.values())  # type: ignore[union-attr]


def test_a_checkpoint_of_other_sizes_is_refused(tmp_path: Path) -> None:
    losses(settings(steps=1), tmp_path)
    wider = settings(model={**settings().to_dict()["model"], "channels": 32})
    with pytest.raises(WrongCheckpoint, match="does not fit the network of the configuration"):
        training(wider, tmp_path)


def test_the_average_is_exported_and_starts_another_training(tmp_path: Path) -> None:
    losses(settings(), tmp_path)
    checkpoint, target = read_checkpoint(latest_checkpoint(tmp_path)), tmp_path / "denoiser.safetensors"
    export_denoiser(checkpoint, target, torch.float32)
    loaded = load_denoiser(target)
    averages = checkpoint.under(AVERAGE)
    assert all(torch.equal(value, averages[name]) for name, value in loaded.unet.state_dict().items())
    assert not all(torch.equal(value, averages[name]) for name, value in checkpoint.under(WEIGHTS).items())
    assert loaded.trained_on == TrainingSpec(32, 48, 3, "both")
    (inputs,) = DenoiserBatchMaker(settings(), RandomClips()).sample(0, 2).groups
    assert sample_latents(loaded.unet, inputs, SamplingSettings(steps=2)).shape == (1, 4, 2, 6, 4)
    again = start_unet(settings(initial_weights=str(target)))
    assert all(torch.equal(value, averages[name]) for name, value in again.state_dict().items())
    with pytest.raises(WrongCheckpoint, match="other sizes"):
        start_unet(settings(initial_weights=str(target), model={"preset": "tiny", "multipliers": [1]}))


def test_the_pose_indicator_has_its_own_learning_rate() -> None:
    config = settings(optimizer={"learning_rate": 1e-3, "learning_rate_ipi": 1e-5})
    unet = start_unet(config)
    optimizer = make_optimizer(unet, config.optimizer, fused=False)
    slow = {id(parameter) for parameter in optimizer.param_groups[1]["params"]}
    names = {name.split(".")[0] for name, parameter in unet.named_parameters() if id(parameter) in slow}
    assert names == {"pose_embedding_before", "pose_embedding_after"}
    assert [group["rate"] for group in optimizer.param_groups] == [1e-3, 1e-5]


def test_gradient_checkpointing_changes_no_name(tmp_path: Path) -> None:
    unet = start_unet(settings())
    before = list(unet.state_dict())
    checkpoint_layers(unet)
    assert list(unet.state_dict()) == before


def test_a_pose_on_black_reaches_the_first_layer_at_the_scale_of_latents() -> None:
    torch.manual_seed(0)
    unet = start_unet(settings())
    images = torch.zeros(4, 3, 48, 32)
    for number in range(4):
        images[number, :, 4 * number : 4 * number + 3, :] = torch.rand(3, 1, 1)
        images[number, :, :, 8 * number : 8 * number + 2] = torch.rand(3, 1, 1)
    with torch.no_grad():
        encoded = unet.dwpose_embedding(images, (6, 4), torch.float32)
        black = unet.dwpose_embedding(torch.zeros(1, 3, 48, 32), (6, 4), torch.float32)
        through = unet.dwpose_embedding_after(encoded, 1)
    assert 0.3 < encoded.std() < 3
    assert black.abs().max() == 0
    torch.testing.assert_close(through[0].swapaxes(0, 1), encoded)  # whose layers are zero-initialised
