"""Whether a training fits into the memory there is, before it starts."""

import torch

from ...errors import OutOfMemory
from ...model.mamba import has_fused_scan
from .config import TrainingConfig
from .cost import StepCost, step_cost
from .run_config import BatchKind

GIB = 2**30
# More than any denoiser without Mamba was seen to need, for each latent pixel, channel of the finest level
# and residual block; where that fits, nobody waits for the count.
_AMPLE_BYTES = 1000


def check_memory(config: TrainingConfig, device: torch.device, processes: int = 1) -> None:
    """Raise OutOfMemory where a step of any kind of batch needs more than the device has free.

    processes: that share the device's memory.
    """
    free = free_bytes(device) // processes
    for kind in config.batches:
        if not _is_ample(config, kind, free):
            _check(config, kind, device, free)


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a GPU, else what the system could give to a process."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil

    return psutil.virtual_memory().available


def has_fused(device: torch.device) -> bool:
    """Whether Mamba's scans run in their kernel on a device."""
    return device.type == "cuda" and has_fused_scan()


def _is_ample(config: TrainingConfig, kind: BatchKind, free: int) -> bool:
    model = config.model
    if model.temporal != "transformer" or model.channels >= 128:  # their weights alone are not nothing
        return False
    height, width = config.shape(kind.frames).latent_size
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
        return "take a smaller model or a larger device"
    if not config.gradient_checkpointing:
        return "set gradient_checkpointing, or lower batch_size, frames or size"
    if config.model.temporal == "mamba" and not has_fused(device):
        return "install mamba-ssm, whose kernel on CUDA needs less, or lower batch_size, frames or size"
    return "lower batch_size, frames or size"
