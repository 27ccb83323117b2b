"""What mamba_ssm's kernel takes and gives, without computing it: for counting its memory and operations."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Tally = Callable[[int], None]
"""Called with the floating point operations of a scan."""

CHUNK = 2048  # frames after which the kernel keeps its state for the way back
FORWARD, BACKWARD = 9, 18  # operations for each frame, channel and entry of the state


class FusedScan(torch.autograd.Function):
    """The shapes of `model.mamba.selective_scan`, forwards and backwards."""

    @staticmethod
    def forward(ctx: Any, tally: Tally, u: Tensor, delta: Tensor, *rest: Tensor) -> Tensor:
        a, b, c, d, z = rest
        n, channels, frames = u.shape
        chunks = -(-frames // CHUNK)
        states = u.new_empty(n, channels, chunks, 2 * a.shape[1], dtype=torch.float32)
        # The kernel keeps its answer before the gate, too.
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
