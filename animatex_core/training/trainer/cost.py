"""What one optimiser step costs, found by doing it with tensors that have shapes and no values."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ...model.conditions import ConditionInputs
from ...model.layers import UNINITIALISED
from ...model.mamba import Mamba
from ...model.unet import AnimateXUNet
from .config import TrainingConfig
from .counter import Counter
from .ema import WeightAverage
from .fused_scan import FusedScan, Tally
from .loss import DenoisingLoss, draw_noise, draw_timesteps
from .network import make_optimizer
from .recompute import recompute_layers
from .run_config import BatchKind
from .samples import Batch

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
WORD = 4  # bytes of float32


@dataclass(frozen=True)
class StepCost:
    """Bytes of one process, and what one step of it computes.

    parameters: their number; each has its weight, gradient, two moments of AdamW and average in float32.
    activations: bytes at the peak of the step beyond those, the weights in half precision among them.
    operations: floating point operations of matrix products, convolutions, attention and fused scans; those
    done again by gradient checkpointing count. scan_operations: the part of the fused scans. frozen: bytes of
    weights that do not learn.
    """

    parameters: int
    activations: int
    operations: int
    scan_operations: int
    frozen: int = 0

    @property
    def state(self) -> int:
        """Bytes that stay from step to step, and the gradients."""
        return 5 * WORD * self.parameters

    @property
    def memory(self) -> int:
        """Bytes at the peak."""
        return self.state + self.activations + self.frozen


def step_cost(config: TrainingConfig, kind: BatchKind, *, fused_scan: bool = True) -> StepCost:
    """Make one step of a kind of batch, every condition and both forms of the reference kept.

    fused_scan: whether Mamba's scans run in mamba_ssm's kernel. Attention counts as fused. Nothing is
    computed and hardly any memory is taken.
    """
    scans: list[int] = []
    with FakeTensorMode(), Counter() as counter:
        unet = AnimateXUNet(config.model, UNINITIALISED).train()
        _prepare(unet, config, scans.append if fused_scan else None)
        average = WeightAverage(unet, config.ema_decay)
        optimizer = make_optimizer(unet, config.optimizer, fused=True)
        loss, batch = DenoisingLoss(unet), _whole_batch(config, kind)
        kept, turns = counter.now, min(config.accumulation, 2)  # from the second on, gradients are there
        for _ in range(turns):
            _backward(loss, batch, config)
        working = counter.peak - kept
        nn.utils.clip_grad_norm_(unet.parameters(), config.optimizer.clip_norm)
        optimizer.step()
        average.update(0)
        parameters = sum(parameter.numel() for parameter in unet.parameters())
    repeated = config.accumulation / turns
    return StepCost(
        parameters,
        max(0, working - WORD * parameters),
        round((counter.operations + sum(scans)) * repeated),
        round(sum(scans) * repeated),
    )


def _prepare(unet: AnimateXUNet, config: TrainingConfig, tally: Tally | None) -> None:
    scans = [module for module in unet.modules() if isinstance(module, Mamba)]
    for module in scans if tally is not None else []:
        module.scan = partial(FusedScan.apply, tally)
    if config.gradient_checkpointing:
        recompute_layers(unet)


def _backward(loss: DenoisingLoss, batch: Batch, config: TrainingConfig) -> None:
    half = HALF.get(config.mixed_precision)
    noise = draw_noise(batch.latents, config.loss)
    timesteps = draw_timesteps(len(batch.latents), config.loss)
    with nullcontext() if half is None else torch.autocast("cpu", half):
        value, _ = loss(batch, noise, timesteps)
    value.backward()


def _whole_batch(config: TrainingConfig, kind: BatchKind) -> Batch:
    """A batch of nothing in particular that keeps every condition."""
    shape, model, clips = config.shape(kind.frames), config.model, kind.batch_size
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
