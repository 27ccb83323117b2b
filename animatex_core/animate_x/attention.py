"""Multi-head attention and the transformer block of the denoiser."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .cpu_layers import added
from .layers import FeedForward, LayerFactory

# CUDA kernels put the batch on a grid axis of at most 65,535.
_MAX_SEQUENCES = 2**15
# Up to this many keys two matrix products are two to seven times as fast on a CPU, forward and backward, as
# its fused kernel. They take more memory, so they are used in training only.
_FEW_KEYS = 256


class KeyValue(NamedTuple):
    """Projected keys and values of a cross-attention, both (n, heads, tokens, head_dim)."""

    key: Tensor
    value: Tensor


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return scaled dot-product attention, in chunks where n exceeds a kernel's limit.

    Args:
        query: (n, heads, tokens, d).
        key: (n, heads, keys, d).
        value: Likewise.

    Returns:
        (n, heads, tokens, d).

    """
    if query.device.type == "cpu" and query.requires_grad and key.shape[2] <= _FEW_KEYS:
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return scores.softmax(-1).to(value.dtype) @ value
    if query.shape[0] <= _MAX_SEQUENCES:
        return F.scaled_dot_product_attention(query, key, value)
    chunks = zip(*(tensor.split(_MAX_SEQUENCES) for tensor in (query, key, value)), strict=True)
    return torch.cat([F.scaled_dot_product_attention(*chunk) for chunk in chunks])


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        layers: Creates the layers.
        dim: Width of the input.
        heads: Number of heads.
        head_dim: Width of a head.
        context_dim: Width of the context; None for self-attention.

    """

    def __init__(
        self, layers: LayerFactory, dim: int, heads: int, head_dim: int, context_dim: int | None = None
    ) -> None:
        super().__init__()
        inner = heads * head_dim
        self.heads = heads
        self.to_q = layers.linear(dim, inner, bias=False)
        self.to_k = layers.linear(context_dim or dim, inner, bias=False)
        self.to_v = layers.linear(context_dim or dim, inner, bias=False)
        self.to_out = nn.Sequential(layers.linear(inner, dim))

    def keys_values(self, context: Tensor) -> KeyValue:
        """Project a context (n, tokens, context_dim). This does not depend on the timestep: cache it."""
        return KeyValue(self._split(self.to_k(context)), self._split(self.to_v(context)))

    def forward(self, x: Tensor, context: KeyValue | None = None) -> Tensor:
        """Attend from x (n, tokens, dim) to a context, or to x itself.

        A context with fewer sequences than x is shared by consecutive ones: one per video serves all frames.
        """
        keys_values = self.keys_values(x) if context is None else context
        shared = rearrange(self.to_q(x), "(n s) t c -> n (s t) c", n=keys_values.key.shape[0])
        attended = rearrange(attend(self._split(shared), *keys_values), "n h t d -> n t (h d)")
        return self.to_out(attended.reshape(x.shape[0], x.shape[1], -1))

    def _split(self, x: Tensor) -> Tensor:
        return rearrange(x, "n t (h d) -> n h t d", h=self.heads)


class TransformerBlock(nn.Module):
    """Pre-norm block: self-attention, a second attention, gated feed-forward.

    The second attention is a cross-attention where `context_dim` is given, else another self-attention.
    """

    def __init__(
        self, layers: LayerFactory, dim: int, heads: int, head_dim: int, context_dim: int | None = None
    ) -> None:
        super().__init__()
        self.attn1 = Attention(layers, dim, heads, head_dim)
        self.ff = FeedForward(layers, dim, gated=True)
        self.attn2 = Attention(layers, dim, heads, head_dim, context_dim)
        self.norm1, self.norm2, self.norm3 = (layers.layer_norm(dim) for _ in range(3))

    def forward(self, x: Tensor, context: KeyValue | None = None, sequences: int | None = None) -> Tensor:
        """Map x (n, tokens, dim) to the same shape.

        Args:
            x: n sequences of tokens.
            context: Keys and values of the second attention; None for self-attention.
            sequences: Number of consecutive sequences whose self-attention also includes the first of them
                (the reference frame); None where each attends to itself alone.

        """
        attended = self._self_attention(self.norm1(x), sequences)
        x = added(attended, x, into=attended)
        attended = self.attn2(self.norm2(x), context)
        x = added(attended, x, into=attended)
        return self.ff.residual(x, self.norm3)

    def _self_attention(self, x: Tensor, sequences: int | None) -> Tensor:
        return self.attn1(x, None if sequences is None else self._with_first(x, sequences))

    def _with_first(self, x: Tensor, count: int) -> KeyValue:
        def joined(own: Tensor) -> Tensor:
            first = own[::count].repeat_interleave(count, dim=0)
            return torch.cat([own, first], dim=2)

        return KeyValue(*map(joined, self.attn1.keys_values(x)))
