"""The cost of an optimizer step in memory and operations, and the memory that a device has."""

from dataclasses import dataclass

import torch

AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
FLOAT32_BYTES = 4
GIB = 2**30


@dataclass(frozen=True)
class StepCost:
    """Memory and operations of one step on one process.

    Attributes:
        parameters: Number of trained parameters. Each has a weight, gradient, two moments of AdamW and an
            average in float32.
        activations: Further bytes at the peak of the step, including the weights in half precision.
        operations: Floating point operations of matrix products, convolutions, attention and fused scans,
            including those that gradient checkpointing repeats.
        scan_operations: The part of the fused scans.
        frozen: Bytes of the frozen weights.

    """

    parameters: int
    activations: int
    operations: int
    scan_operations: int
    frozen: int = 0

    @property
    def state(self) -> int:
        """Bytes of weights, gradients, moments and averages."""
        return 5 * FLOAT32_BYTES * self.parameters

    @property
    def memory(self) -> int:
        """Total bytes at the peak."""
        return self.state + self.activations + self.frozen


def free_bytes(device: torch.device) -> int:
    """Return the free bytes of a CUDA device, or the available system memory."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil

    return psutil.virtual_memory().available
