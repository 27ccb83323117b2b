"""Memory and operations of one optimizer step of Animate-X++, counted with fake tensors."""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ...animate_x_plus.wan.keys import wan_shapes
from ...animate_x_plus.wan.transformer import build_wan
from ...errors import OutOfMemory
from ..loop.cost import FLOAT32_BYTES, GIB, OpCounter, StepCost, free_bytes, run_counted_step
from .batches import POSES, PlusBatch, zero_poses
from .config import PlusTrainingConfig, TaskBatchKind
from .network import COMPUTE_DTYPES, PlusNetwork, checkpoint_blocks
from .task import FlowLoss
from .trainable_parts import set_trainable

_MIN_COUNTED_PARAMETERS = 10_000_000  # smaller transformers are not checked before training


def step_cost(config: PlusTrainingConfig, kind: TaskBatchKind) -> StepCost:
    """Count one step of a kind of batch with all conditions kept. Nothing is computed.

    Weights, gradients, moments and average are counted for all parts that train in any task, although only
    those of the step's task have gradients.

    Args:
        config: The training configuration.
        kind: The kind of batch.

    Returns:
        The cost of the step on one process.

    """
    with FakeTensorMode(), OpCounter() as counter:
        network = PlusNetwork(config).train()
        loss = FlowLoss(network, _transformer(config, network))
        weights = () if config.trains.whole else loss.transformer.parameters()
        frozen = sum(weight.numel() * weight.element_size() for weight in weights)
        set_trainable(network, config.trains.parts(kind.task))
        batch = _whole_batch(config, kind)
        working, repeats = run_counted_step(counter, network, config, partial(_loss, loss, batch))
        gradients = sum(each.numel() for each in network.parameters() if each.grad is not None)
        parameters = sum(parameter.numel() for parameter in network.parameters())
    operations = round(counter.operations * repeats)
    return StepCost(parameters, max(0, working - FLOAT32_BYTES * gradients), operations, 0, frozen)


def check_memory(config: PlusTrainingConfig, device: torch.device, processes: int = 1) -> None:
    """Check that a step of every kind of batch fits into the free memory of the device.

    Args:
        config: The training configuration.
        device: The device to train on.
        processes: Number of processes that share the device.

    Raises:
        OutOfMemory: If it does not fit.

    """
    free = free_bytes(device) // processes
    if sum(math.prod(shape) for shape in wan_shapes(config.wan).values()) < _MIN_COUNTED_PARAMETERS:
        return
    for kind in config.batches:
        cost = step_cost(config, kind)
        if cost.memory > free:
            raise OutOfMemory(
                f"A batch of {kind.batch_size} clips of {kind.frames} frames needs "
                f"{cost.memory / GIB:.1f} GiB ({cost.frozen / GIB:.1f} for the transformer, "
                f"{cost.state / GIB:.1f} for trained weights, gradients, AdamW and average, "
                f"{cost.activations / GIB:.1f} for activations), but {device} has {free / GIB:.1f} GiB free: "
                "set gradient_checkpointing and mixed_precision, or lower batch_size, frames, size or "
                "lora.rank."
            )


def _transformer(config: PlusTrainingConfig, network: PlusNetwork) -> nn.Module:
    transformer = network.transformer or _frozen(config)
    if config.gradient_checkpointing:
        checkpoint_blocks(transformer)
    return transformer


def _frozen(config: PlusTrainingConfig) -> nn.Module:
    transformer = build_wan(config.wan)
    for parameter in transformer.parameters():
        parameter.data = parameter.data.to(COMPUTE_DTYPES[config.mixed_precision])
    return transformer.requires_grad_(False).eval()


def _loss(loss: FlowLoss, batch: PlusBatch) -> Tensor:
    noise, timesteps = torch.randn(batch.latents.shape), torch.rand(len(batch.latents))
    return loss(batch, noise, timesteps)[0]


def _whole_batch(config: PlusTrainingConfig, kind: TaskBatchKind) -> PlusBatch:
    """A batch of arbitrary values that keeps every condition."""
    wan, shape, clips = config.wan, config.shape(kind.frames), kind.batch_size
    reference = config.modules.reference_channels
    has_poses = kind.task == "animation" or config.trains.zeroes_poses
    return PlusBatch(
        latents=torch.empty(shape.latents(clips, wan.out_channels)),
        text_context=torch.empty(clips, wan.text_tokens, wan.text_dim),
        clip_features=torch.empty(clips, wan.image_tokens, wan.image_dim),
        y=torch.empty(shape.latents(clips, reference)),
        poses=zero_poses(config, clips, kind.frames) if has_poses else None,
        kept=torch.ones(clips, len(POSES)),
    )
