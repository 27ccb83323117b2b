"""Memory and operations of one optimizer step, counted before a training starts."""

from functools import partial

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ...animate_x.conditions import ConditionInputs
from ...animate_x.layers import UNINITIALISED
from ...animate_x.temporal import Mamba, has_fused_scan
from ...animate_x.unet import AnimateXUNet
from ...errors import OutOfMemory
from ..loop.config import BatchKind
from ..loop.cost import (
    FLOAT32_BYTES,
    GIB,
    FusedScan,
    OpCounter,
    StepCost,
    Tally,
    free_bytes,
    run_counted_step,
)
from ..loop.optimizer import checkpoint_layers
from .batches import Batch
from .config import TrainingConfig
from .task import DenoisingLoss, draw_noise, draw_timesteps

# Bytes for each cell of the finest grid, channel of its level and residual block. No denoiser without Mamba
# was seen to need more, so if that fits, the step is not counted.
_AMPLE_BYTES = 1000


def step_cost(config: TrainingConfig, kind: BatchKind, *, fused_scan: bool = True) -> StepCost:
    """Count one step of a kind of batch with all conditions kept.

    The step runs on fake tensors, so nothing is computed and hardly any memory is used. Attention counts as
    fused.

    Args:
        config: The training configuration.
        kind: The kind of batch.
        fused_scan: Whether Mamba's scans run in the kernel of mamba-ssm.

    Returns:
        The cost of the step on one process.

    """
    scans: list[int] = []
    with FakeTensorMode(), OpCounter() as counter:
        unet = AnimateXUNet(config.model, UNINITIALISED).train()
        _prepare(unet, config, scans.append if fused_scan else None)
        loss, batch = DenoisingLoss(unet), _whole_batch(config, kind)
        working, repeats = run_counted_step(counter, unet, config, partial(_loss, loss, batch, config))
        parameters = sum(parameter.numel() for parameter in unet.parameters())
    return StepCost(
        parameters,
        max(0, working - FLOAT32_BYTES * parameters),
        round((counter.operations + sum(scans)) * repeats),
        round(sum(scans) * repeats),
    )


def _prepare(unet: AnimateXUNet, config: TrainingConfig, tally: Tally | None) -> None:
    scans = [module for module in unet.modules() if isinstance(module, Mamba)]
    for module in scans if tally is not None else []:
        module.scan = partial(FusedScan.apply, tally)
    if config.gradient_checkpointing:
        checkpoint_layers(unet)


def _loss(loss: DenoisingLoss, batch: Batch, config: TrainingConfig) -> Tensor:
    noise = draw_noise(batch.latents, config.loss)
    timesteps = draw_timesteps(len(batch.latents), config.loss)
    return loss(batch, noise, timesteps)[0]


def _whole_batch(config: TrainingConfig, kind: BatchKind) -> Batch:
    """A batch of arbitrary values that keeps every condition."""
    shape, model, clips = config.sample_shape(kind.frames), config.model, kind.batch_size
    frames, size = shape.frames + 1, (shape.height, shape.width)
    clip_dim = model.context_dim if model.ipi is None else model.ipi.clip_dim
    joints = 18 if model.ipi is None else model.ipi.joints
    conditions = ConditionInputs(
        shape=shape,
        text_context=torch.empty(clips, model.text_tokens, model.context_dim),
        image_embedding=torch.empty(clips, 1, model.context_dim),
        reference_image=torch.empty(clips, 3, 1, *size),
        reference_latents=torch.empty(clips, model.latent_channels, 1, *shape.latent_size),
        pose_pictures=torch.empty(clips, 3, frames, *size, dtype=torch.uint8),
        keypoints=torch.empty(clips, frames, 2, joints),
        clip_features=torch.empty(clips, frames, clip_dim),
    )
    weights: Tensor | None = None
    latents = torch.empty(shape.latents(clips, model.latent_channels))
    if config.loss.moving_weight:
        weights = torch.empty(shape.latents(clips, 1))
    return Batch(latents, (conditions,), weights)


def check_memory(config: TrainingConfig, device: torch.device, processes: int = 1) -> None:
    """Check that a step of every kind of batch fits into the free memory of the device.

    Args:
        config: The training configuration.
        device: The device to train on.
        processes: Number of processes that share the device.

    Raises:
        OutOfMemory: If it does not fit.

    """
    free = free_bytes(device) // processes
    for kind in config.batches:
        if not _is_ample(config, kind, free):
            _check(config, kind, device, free)


def has_fused(device: torch.device) -> bool:
    """Whether Mamba's scans run in the kernel of mamba-ssm on a device."""
    return device.type == "cuda" and has_fused_scan()


def _is_ample(config: TrainingConfig, kind: BatchKind, free: int) -> bool:
    model = config.model
    if model.temporal != "transformer" or model.channels >= 128:  # the weights alone may be too large
        return False
    height, width = (length * model.grid_factor for length in config.sample_shape(kind.frames).latent_size)
    blocks = 2 + (2 * model.residual_blocks + 1) * len(model.multipliers)
    values = kind.batch_size * (kind.frames + 1) * height * width * model.channels * blocks
    return values * _AMPLE_BYTES < free


def _check(config: TrainingConfig, kind: BatchKind, device: torch.device, free: int) -> None:
    cost = step_cost(config, kind, fused_scan=has_fused(device))
    if cost.memory > free:
        raise OutOfMemory(
            f"A batch of {kind.batch_size} clips of {kind.frames} frames needs {cost.memory / GIB:.1f} GiB "
            f"({cost.state / GIB:.1f} for weights, gradients, AdamW and average, "
            f"{cost.activations / GIB:.1f} for activations), but {device} has {free / GIB:.1f} GiB free: "
            f"{_remedy(config, device, cost, free)}."
        )


def _remedy(config: TrainingConfig, device: torch.device, cost: StepCost, free: int) -> str:
    if cost.state > free:
        return "use a smaller model or a larger device"
    if not config.gradient_checkpointing:
        return "set gradient_checkpointing, or lower batch_size, frames or size"
    if config.model.temporal == "mamba" and not has_fused(device):
        return "install mamba-ssm, whose CUDA kernel needs less, or lower batch_size, frames or size"
    return "lower batch_size, frames or size"
