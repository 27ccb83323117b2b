"""The cost of an optimizer step in memory and operations, counted on real, meta or fake tensors."""

import weakref
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from .config import RunConfig
from .optimizer import WeightAverage, make_optimizer

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


Tally = Callable[[int], None]
"""Called with the number of floating point operations of a scan."""

CHUNK = 2048  # frames between the states that the kernel saves for the backward pass
FORWARD, BACKWARD = 9, 18  # operations per frame, channel and state entry


class FusedScan(torch.autograd.Function):
    """Allocates what the selective scan kernel of mamba-ssm allocates, without computing anything."""

    @staticmethod
    def forward(ctx: Any, tally: Tally, u: Tensor, delta: Tensor, *rest: Tensor) -> Tensor:
        a, b, c, d, z = rest
        n, channels, frames = u.shape
        chunks = -(-frames // CHUNK)
        states = u.new_empty(n, channels, chunks, 2 * a.shape[1], dtype=torch.float32)
        # The kernel also saves its output before the gate.
        ctx.save_for_backward(
            u, delta.to(u.dtype), a, b.contiguous(), c.contiguous(), d, z, states, u.new_empty(u.shape)
        )
        ctx.tally, ctx.size = tally, u.numel() * a.shape[1]
        tally(FORWARD * ctx.size)
        return torch.empty_like(u)

    @staticmethod
    def backward(ctx: Any, _gradient: Tensor) -> tuple[Tensor | None, ...]:
        ctx.tally(BACKWARD * ctx.size)
        inputs = ctx.saved_tensors[:7]
        return None, *(torch.empty_like(tensor) for tensor in inputs)


class OpCounter(TorchDispatchMode):
    """Counts the storages that are allocated and the operations that run within the context.

    Meta and fake tensors count like real ones. Operations are counted with the formulas of torch's
    FlopCounterMode, which cannot be used here because it keeps tensors alive.

    Attributes:
        now: Bytes that are allocated.
        peak: Maximum of `now`. Workspaces of kernels are not included.
        operations: Floating point operations of matrix products, convolutions and attention.

    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = self.operations = 0
        self._living: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, and count its work and its outputs."""
        result = func(*args, **(kwargs or {}))
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **(kwargs or {}), out_val=result)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._living:
            return
        self._living.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._living.discard(key)
        self.now -= size


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: object, **_more: object) -> int:
    return sdpa_flop_count(query.shape, key.shape, value.shape)


def _attention_back(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: object, **_more: object
) -> int:
    return sdpa_backward_flop_count(gradient.shape, query.shape, key.shape, value.shape)


# Torch has no formulas for the fused attention on the CPU.
_FORMULAS = {
    **flop_registry,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_back,
}


def run_counted_step(
    counter: OpCounter, model: nn.Module, config: RunConfig, loss: Callable[[], Tensor]
) -> tuple[int, float]:
    """Run one optimizer step of a model on fake tensors.

    Gradients exist from the second batch of a step on, so at most two batches are run.

    Args:
        counter: Counts; the model and the batch exist already.
        model: The trained model.
        config: Optimizer, accumulation and precision.
        loss: Returns the loss of a batch, and is called in autocast.

    Returns:
        The bytes at the peak, gradients included, beyond those from before the first batch; and by how much
        the counted operations are to be multiplied for the whole step.

    """
    half = AUTOCAST_DTYPES.get(config.mixed_precision)
    average = WeightAverage(model, config.ema_decay)
    optimizer = make_optimizer(model, config.optimizer, fused=True)
    kept, batches = counter.now, min(config.accumulation, 2)
    for _ in range(batches):
        with nullcontext() if half is None else torch.autocast("cpu", half):
            value = loss()
        value.backward()
    working = counter.peak - kept
    nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip_norm)
    optimizer.step()
    average.update(0)
    return working, config.accumulation / batches
