"""Layers that every part of the denoiser is built from, and attention over tokens."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

TOKENS_AT_ONCE = 2**15


class Conv3d(nn.Conv3d):
    """torch's, but for a convolution over frames alone, which a CPU makes as one in 2D.

    PyTorch takes a kernel of (3, 1, 1) for one of a single pixel, and with one thread makes it without
    oneDNN: eight times slower at the finest level.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.device.type != "cpu" or self.kernel_size[1:] != (1, 1):
            return super()._conv_forward(input, weight, bias)
        flat = F.conv2d(input.flatten(3), weight.squeeze(-1), bias, self.stride[:2], self.padding[:2])
        return flat.unflatten(3, input.shape[3:])


TORCH = SimpleNamespace(
    Linear=nn.Linear, Conv1d=nn.Conv1d, Conv2d=nn.Conv2d, Conv3d=Conv3d, GroupNorm=nn.GroupNorm,
    LayerNorm=nn.LayerNorm, Embedding=nn.Embedding,
)  # fmt: skip
"""The layers of torch."""


@dataclass(frozen=True)
class LayerFactory:
    """Makes layers of one namespace on one device in one dtype."""

    operations: Any = field(default_factory=lambda: TORCH)
    device: torch.device | str | None = None
    dtype: torch.dtype | None = None

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Module:
        return self.operations.Linear(inputs, outputs, bias=bias, **self._place())

    def conv1d(self, inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Module:
        return self.operations.Conv1d(inputs, outputs, kernel, **options, **self._place())

    def conv2d(self, inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Module:
        return self.operations.Conv2d(inputs, outputs, kernel, **options, **self._place())

    def conv3d(self, inputs: int, outputs: int, kernel: tuple[int, int, int], **options: Any) -> nn.Module:
        return self.operations.Conv3d(inputs, outputs, kernel, **options, **self._place())

    def group_norm(self, groups: int, channels: int, eps: float = 1e-5) -> nn.Module:
        return self.operations.GroupNorm(groups, channels, eps=eps, **self._place())

    def layer_norm(self, channels: int) -> nn.Module:
        return self.operations.LayerNorm(channels, **self._place())

    def table(self, rows: int, columns: int) -> nn.Module:
        """A learnable (rows, columns) tensor as a leaf module; read it with `read_table`."""
        return self.operations.Embedding(rows, columns, **self._place())

    def _place(self) -> dict[str, Any]:
        return {"device": self.device, "dtype": self.dtype}


def _uninitialised(layer: type[nn.Module]) -> type[nn.Module]:
    return type(layer.__name__, (layer,), {"reset_parameters": lambda self: None})


UNINITIALISED = SimpleNamespace(**{name: _uninitialised(layer) for name, layer in vars(TORCH).items()})
"""The same without their random start, for networks whose weights come from a file."""


def read_table(table: nn.Module, rows: int, like: Tensor) -> Tensor:
    """Return a table's (rows, columns) values on the device and in the dtype of `like`.

    Going through the layer's forward lets a host bring the weight along when it is offloaded.
    """
    return table(torch.arange(rows, device=like.device)).to(like.dtype)


def timestep_embedding(timesteps: Tensor, dim: int) -> Tensor:
    """Return (b, dim) sinusoids of timesteps (b,): cosines first, then sines, in float32."""
    half = dim // 2
    exponents = torch.arange(half, device=timesteps.device, dtype=torch.float32).div(half)
    frequencies = torch.pow(10000, -exponents)
    angles = torch.outer(timesteps.float(), frequencies)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def position_table(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Return the (length, dim) sinusoids of frame positions: sines on even channels, cosines on odd ones.

    The released file stores 33 rows of it; computed in float64, any length agrees with those.
    """
    channel = torch.arange(dim, dtype=torch.float64, device=device)
    rates = torch.pow(10000.0, -2 * torch.div(channel, 2, rounding_mode="floor") / dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float64, device=device), rates)
    even = (torch.arange(dim, device=device) % 2) == 0
    return torch.where(even, angles.sin(), angles.cos()).float()


class GatedGelu(nn.Module):
    """GEGLU (Shazeer 2020): half of the projection, gated by the GELU of the other half."""

    def __init__(self, layers: LayerFactory, dim: int, hidden: int) -> None:
        super().__init__()
        self.proj = layers.linear(dim, 2 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Two linear layers, four times wider in between; gated, or with a plain GELU."""

    def __init__(self, layers: LayerFactory, dim: int, *, gated: bool, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = 4 * dim
        widen = (
            GatedGelu(layers, dim, hidden) if gated else nn.Sequential(layers.linear(dim, hidden), nn.GELU())
        )
        self.net = nn.Sequential(widen, nn.Dropout(dropout), layers.linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., dim) to the same shape.

        Eight times the width of x is alive in between, so many tokens go through in pieces.
        """
        if torch.is_grad_enabled():
            return self.net(x)
        parts = [self.net(part) for part in x.flatten(0, -2).split(TOKENS_AT_ONCE)]
        return torch.cat(parts).view(x.shape)


# CUDA kernels put the batch on a grid axis of 65,535; stay well below it.
_MAX_SEQUENCES = 2**15
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
    if query.shape[0] <= _MAX_SEQUENCES:
        return F.scaled_dot_product_attention(query, key, value)
    pieces = zip(*(tensor.split(_MAX_SEQUENCES) for tensor in (query, key, value)), strict=True)
    return torch.cat([F.scaled_dot_product_attention(*piece) for piece in pieces])


class Attention(nn.Module):
    """Multi-head attention. context_dim: width of what is attended to; None means the input itself."""

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
        self, layers: LayerFactory, dim: int, heads: int, head_dim: int, context_dim: int | None = None
    ) -> None:
        super().__init__()
        self.attn1 = Attention(layers, dim, heads, head_dim)
        self.ff = FeedForward(layers, dim, gated=True)
        self.attn2 = Attention(layers, dim, heads, head_dim, context_dim)
        self.norm1, self.norm2, self.norm3 = (layers.layer_norm(dim) for _ in range(3))

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
