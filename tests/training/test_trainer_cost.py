"""The cost of a step, counted on fake tensors, against steps that are computed."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.temporal import Mamba, selective_scan
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.errors import OutOfMemory
from animatex_core.training.animate_x import cost as memory
from animatex_core.training.animate_x.batches import DenoiserBatchMaker
from animatex_core.training.animate_x.config import TrainingConfig
from animatex_core.training.animate_x.cost import step_cost
from animatex_core.training.animate_x.task import DenoisingLoss
from animatex_core.training.loop.cost import BACKWARD, FORWARD, FusedScan, OpCounter, StepCost
from animatex_core.training.loop.optimizer import checkpoint_layers

from .training_samples import RandomClips, settings

CPU = torch.device("cpu")


def small(temporal: str = "transformer", **changes: Any) -> TrainingConfig:
    model = {**settings().to_dict()["model"], "temporal": temporal, "ipi": None}
    kept = {"all_dropped": 0.0, "all_kept": 1.0}
    batches = [{"frames": 3, "batch_size": 1}]
    return settings(model=model, batches=batches, dropout=kept, **changes)


def test_the_count_equals_real_steps_and_gradient_checkpointing_saves_memory() -> None:
    costs = []
    for again in (False, True):
        config = small(gradient_checkpointing=again)
        cost = step_cost(config, config.batches[0])
        operations, peak = computed_step(config)
        assert cost.operations == operations
        assert cost.activations + 4 * cost.parameters == pytest.approx(peak, rel=0.02)
        costs.append(cost)
    assert costs[1].activations < 0.6 * costs[0].activations
    assert 1.2 < costs[1].operations / costs[0].operations < 1.4


def computed_step(config: TrainingConfig) -> tuple[int, int]:
    """Operations, and peak memory without the weights, of a step that is computed."""
    batch = DenoiserBatchMaker(config, RandomClips()).sample(0, 3)
    with OpCounter() as counter:
        loss = DenoisingLoss(AnimateXUNet(config.model).train())
        if config.gradient_checkpointing:
            checkpoint_layers(loss.unet)
        weights = counter.now
        value, _ = loss(batch, torch.randn_like(batch.latents), torch.tensor([500]))
        value.backward()
    return counter.operations, counter.peak - weights


def test_the_fused_scan_has_the_shapes_of_the_plain_one() -> None:
    made = torch.rand(2, 6, 5), torch.rand(2, 6, 5), -torch.rand(6, 4), *torch.rand(2, 2, 4, 5), torch.rand(6)
    inputs = [tensor.requires_grad_() for tensor in (*made, torch.rand(2, 6, 5))]
    tally: list[int] = []
    plain, fused = selective_scan(*inputs), FusedScan.apply(tally.append, *inputs)
    assert fused.shape == plain.shape
    fused.sum().backward()
    assert all(tensor.grad is not None and tensor.grad.shape == tensor.shape for tensor in inputs)
    assert tally == [FORWARD * 2 * 6 * 5 * 4, BACKWARD * 2 * 6 * 5 * 4]


def test_all_scans_of_a_mamba_denoiser_are_counted() -> None:
    config = small(temporal="mamba")
    cost = step_cost(config, config.batches[0])
    unet = AnimateXUNet(config.model, UNINITIALISED, device="meta")
    scans = [module for module in unet.modules() if isinstance(module, Mamba)]
    pixels, frames = 6 * 4, 4
    values = sum(pixels * frames * scan.inner * scan.state for scan in scans)
    assert cost.scan_operations == (FORWARD + BACKWARD) * values


def test_the_papers_denoiser_has_its_size() -> None:
    unet = AnimateXUNet(DenoiserConfig.paper(), UNINITIALISED, device="meta")
    assert sum(parameter.numel() for parameter in unet.parameters()) == 1_877_451_276


@pytest.mark.parametrize(
    ("parameters", "changes", "remedy"),
    [
        (10**9, {}, "use a smaller model or a larger device"),
        (10**6, {}, "set gradient_checkpointing, or lower batch_size, frames or size"),
        (10**6, {"gradient_checkpointing": True}, "lower batch_size, frames or size"),
        (10**6, {"gradient_checkpointing": True, "temporal": "mamba"}, "install mamba-ssm, whose .*"),
    ],
)
def test_what_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, parameters: int, changes: dict[str, Any], remedy: str
) -> None:
    cost = StepCost(parameters, activations=2**31, operations=0, scan_operations=0)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**30)
    monkeypatch.setattr(memory, "step_cost", lambda *_, **__: cost)
    config = small(size={"width": 512, "height": 768}, **changes)
    with pytest.raises(OutOfMemory, match=rf"^A batch of 1 clips of 3 frames needs .* {remedy}\.$"):
        memory.check_memory(config, CPU)


def test_what_fits_is_not_refused() -> None:
    memory.check_memory(small(), CPU)
    memory.check_memory(replace(small(), gradient_checkpointing=True), CPU, processes=2)
