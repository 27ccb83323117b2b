"""What one optimiser step of Animate-X++ costs, found by doing it with tensors that have no values."""

import math
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ...animate_x_plus.modules import PlusInputs
from ...animate_x_plus.wan.keys import wan_shapes
from ...animate_x_plus.wan.transformer import build_wan
from ...errors import OutOfMemory
from ..animate_x.cost import GIB, HALF, WORD, StepCost, free_bytes
from ..loop.averaging import WeightAverage
from ..loop.op_counter import OpCounter
from ..loop.optimizer import make_optimizer
from .batches import POSES, PlusBatch
from .config import PlusTrainingConfig, TaskBatchKind
from .network import COMPUTED_IN, PlusNetwork, recompute_blocks
from .task import FlowLoss
from .trainable_parts import set_trainable

_AMPLE_PARAMETERS = 10_000_000  # a smaller transformer is not counted before it is trained


def step_cost(config: PlusTrainingConfig, kind: TaskBatchKind) -> StepCost:
    """Make one step of a kind of batch, every condition kept; nothing is computed.

    Weights, moments and average are counted of all that learns in some task, gradients too, although those of
    the other task's parts are not there.
    """
    with FakeTensorMode(), OpCounter() as counter:
        network = PlusNetwork(config).train()
        loss = FlowLoss(network, _transformer(config, network))
        frozen = 0 if config.trains.whole else _bytes(loss.transformer.parameters())
        set_trainable(network, config.trains.parts(kind.task))
        average = WeightAverage(network, config.ema_decay)
        optimizer = make_optimizer(network, config.optimizer, fused=True)
        batch = _whole_batch(config, kind)
        kept, turns = counter.now, min(config.accumulation, 2)  # from the second on, gradients are there
        for _ in range(turns):
            _backward(loss, batch, config)
        working, gradients = counter.peak - kept, _gradients(network)
        nn.utils.clip_grad_norm_(network.parameters(), config.optimizer.clip_norm)
        optimizer.step()
        average.update(0)
        parameters = sum(parameter.numel() for parameter in network.parameters())
    operations = round(counter.operations * config.accumulation / turns)
    return StepCost(parameters, max(0, working - gradients), operations, 0, frozen)


def check_memory(config: PlusTrainingConfig, device: torch.device, processes: int = 1) -> None:
    """Raise OutOfMemory where a step of any kind of batch needs more than the device has free."""
    free = free_bytes(device) // processes
    if _size(config) < _AMPLE_PARAMETERS:
        return
    for kind in config.batches:
        cost = step_cost(config, kind)
        if cost.memory > free:
            raise OutOfMemory(
                f"A batch of {kind.batch_size} clips of {kind.frames} frames needs "
                f"{cost.memory / GIB:.1f} GiB ({cost.frozen / GIB:.1f} for the transformer, "
                f"{cost.state / GIB:.1f} for what learns, "
                f"{cost.activations / GIB:.1f} for activations), but {device} has {free / GIB:.1f} GiB free: "
                "set gradient_checkpointing and mixed_precision, or lower batch_size, frames, size or "
                "lora.rank."
            )


def _transformer(config: PlusTrainingConfig, network: PlusNetwork) -> nn.Module:
    transformer = network.transformer or _frozen(config)
    if config.gradient_checkpointing:
        recompute_blocks(transformer)
    return transformer


def _frozen(config: PlusTrainingConfig) -> nn.Module:
    transformer = build_wan(config.wan)
    for parameter in transformer.parameters():
        parameter.data = parameter.data.to(COMPUTED_IN[config.mixed_precision])
    return transformer.requires_grad_(False).eval()


def _size(config: PlusTrainingConfig) -> int:
    return sum(math.prod(shape) for shape in wan_shapes(config.wan).values())


def _backward(loss: FlowLoss, batch: PlusBatch, config: PlusTrainingConfig) -> None:
    half = HALF.get(config.mixed_precision)
    noise, timesteps = torch.randn(batch.latents.shape), torch.rand(len(batch.latents))
    with nullcontext() if half is None else torch.autocast("cpu", half):
        value, _ = loss(batch, noise, timesteps)
    value.backward()


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _gradients(network: nn.Module) -> int:
    return WORD * sum(parameter.numel() for parameter in network.parameters() if parameter.grad is not None)


def _whole_batch(config: PlusTrainingConfig, kind: TaskBatchKind) -> PlusBatch:
    """A batch of nothing in particular that keeps every condition."""
    wan, shape, clips = config.wan, config.shape(kind.frames), kind.batch_size
    reference = config.modules.reference_channels
    return PlusBatch(
        latents=torch.empty(shape.latents(clips, wan.out_channels)),
        text_context=torch.empty(clips, wan.text_tokens, wan.text_dim),
        clip_features=torch.empty(clips, wan.image_tokens, wan.image_dim),
        y=torch.empty(shape.latents(clips, reference)),
        poses=_whole_poses(config, kind) if kind.task == "animation" else None,
        kept=torch.ones(clips, len(POSES)),
    )


def _whole_poses(config: PlusTrainingConfig, kind: TaskBatchKind) -> PlusInputs:
    clips, frames, size = kind.batch_size, kind.frames, (config.size.height, config.size.width)
    told: dict[str, Any] = {}
    if config.modules.ipi is not None:
        told["keypoints"] = torch.empty(clips, frames, 2, config.modules.ipi.joints)
        told["clip_features"] = torch.empty(clips, frames, config.modules.ipi.clip_dim)
    pictures = torch.empty(clips, 3, frames, *size, dtype=torch.uint8)
    return PlusInputs(pictures, torch.empty(clips, 3, *size, dtype=torch.uint8), **told)
