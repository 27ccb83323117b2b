"""Attention over tokens, and the transformer block that the spatial and temporal parts share."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .layers import FeedForward, LayerFactory

# CUDA kernels put the batch on a grid axis of 65,535; stay well below it.
_MOST_SEQUENCES = 2**15
# Up to so many keys two products of matrices are faster on a CPU than its fused kernel, there and back twice
# to seven times. They take more memory, so only a training, which has to keep much more, makes use of it.
_FEW_KEYS = 256


class KeyValue(NamedTuple):
    """Projected keys and values of a cross attention, both (n, heads, tokens, head_dim)."""

    key: Tensor
    value: Tensor


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot product attention of (n, heads, tokens, d), in pieces where n is beyond a kernel's reach."""
    if query.device.type == "cpu" and query.requires_grad and key.shape[2] <= _FEW_KEYS:
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return scores.softmax(-1).to(value.dtype) @ value
    if query.shape[0] <= _MOST_SEQUENCES:
        return F.scaled_dot_product_attention(query, key, value)
    pieces = zip(*(tensor.split(_MOST_SEQUENCES) for tensor in (query, key, value)), strict=True)
    return torch.cat([F.scaled_dot_product_attention(*piece) for piece in pieces])


class Attention(nn.Module):
    """Multi-head attention. context_dim: width of what is attended to; None means the input itself."""

    def __init__(
        self, make: LayerFactory, dim: int, heads: int, head_dim: int, context_dim: int | None = None
    ) -> None:
        super().__init__()
        inner = heads * head_dim
        self.heads = heads
        self.to_q = make.linear(dim, inner, bias=False)
        self.to_k = make.linear(context_dim or dim, inner, bias=False)
        self.to_v = make.linear(context_dim or dim, inner, bias=False)
        self.to_out = nn.Sequential(make.linear(inner, dim))

    def keys_values(self, context: Tensor) -> KeyValue:
        """Project a context (n, tokens, context_dim). It depends on no timestep, so once a clip is enough."""
        return KeyValue(self._split(self.to_k(context)), self._split(self.to_v(context)))

    def forward(self, x: Tensor, context: KeyValue | None = None) -> Tensor:
        """Attend from x (n, tokens, dim) to the context, or to itself.

        A context of fewer sequences than x is shared by neighbours: (clips, ...) serves all frames of a clip.
        """
        keys_values = self.keys_values(x) if context is None else context
        shared = rearrange(self.to_q(x), "(n s) t c -> n (s t) c", n=keys_values.key.shape[0])
        attended = rearrange(attend(self._split(shared), *keys_values), "n h t d -> n t (h d)")
        return self.to_out(attended.reshape(x.shape[0], x.shape[1], -1))

    def _split(self, x: Tensor) -> Tensor:
        return rearrange(x, "n t (h d) -> n h t d", h=self.heads)


class TransformerBlock(nn.Module):
    """Pre-norm block: self attention, a second attention, gated feed-forward.

    The second attention is a cross attention with `context_dim`, and a second self attention without.
    """

    def __init__(
        self, make: LayerFactory, dim: int, heads: int, head_dim: int, context_dim: int | None = None
    ) -> None:
        super().__init__()
        self.attn1 = Attention(make, dim, heads, head_dim)
        self.ff = FeedForward(make, dim, gated=True)
        self.attn2 = Attention(make, dim, heads, head_dim, context_dim)
        self.norm1, self.norm2, self.norm3 = (make.layer_norm(dim) for _ in range(3))

    def forward(self, x: Tensor, context: KeyValue | None = None, reference_of: int | None = None) -> Tensor:
        """Map x (n, tokens, dim) to the same shape.

        reference_of: how many sequences in a row also attend to the first of them; None where each attends to
        itself alone.
        """
        x = self._attended(self.norm1(x), reference_of) + x
        x = self.attn2(self.norm2(x), context) + x
        return self.ff(self.norm3(x)) + x

    def _attended(self, x: Tensor, reference_of: int | None) -> Tensor:
        return self.attn1(x, None if reference_of is None else self._with_first(x, reference_of))

    def _with_first(self, x: Tensor, count: int) -> KeyValue:
        def joined(own: Tensor) -> Tensor:
            first = own[::count].repeat_interleave(count, dim=0)
            return torch.cat([own, first], dim=2)

        return KeyValue(*map(joined, self.attn1.keys_values(x)))
