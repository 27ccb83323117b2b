"""Basic layers of the denoiser: the layer factory, embeddings and feed-forward."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cpu_layers import Conv1d, Conv2d, Conv3d, GroupNorm, Linear, infers_on_cpu, is_recorded, linear
from .shapes import TOKENS_AT_ONCE

# On a CPU the hidden values of so many tokens stay in its cache.
_TOKENS_IN_CACHE = 2**10

TORCH = SimpleNamespace(
    Linear=Linear,
    Conv1d=Conv1d,
    Conv2d=Conv2d,
    Conv3d=Conv3d,
    GroupNorm=GroupNorm,
    LayerNorm=nn.LayerNorm,
    Embedding=nn.Embedding,
)
"""The layers of torch, some of them faster on a CPU."""


@dataclass(frozen=True)
class LayerFactory:
    """Creates layers on one device in one dtype.

    Args:
        operations: Namespace of layer classes: `TORCH`, `UNINITIALISED` or ComfyUI's.
        device: Where the weights are; None is torch's default.
        dtype: Type of the weights; None is torch's default.

    """

    operations: Any = field(default_factory=lambda: TORCH)
    device: torch.device | str | None = None
    dtype: torch.dtype | None = None

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Module:
        """Create a linear layer."""
        return self.operations.Linear(inputs, outputs, bias=bias, **self._factory_kwargs())

    def conv1d(self, inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Module:
        """Create a 1D convolution."""
        return self.operations.Conv1d(inputs, outputs, kernel, **options, **self._factory_kwargs())

    def conv2d(self, inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Module:
        """Create a 2D convolution."""
        return self.operations.Conv2d(inputs, outputs, kernel, **options, **self._factory_kwargs())

    def conv3d(self, inputs: int, outputs: int, kernel: tuple[int, int, int], **options: Any) -> nn.Module:
        """Create a 3D convolution."""
        return self.operations.Conv3d(inputs, outputs, kernel, **options, **self._factory_kwargs())

    def group_norm(self, groups: int, channels: int, eps: float = 1e-5) -> nn.Module:
        """Create a group normalisation."""
        return self.operations.GroupNorm(groups, channels, eps=eps, **self._factory_kwargs())

    def layer_norm(self, channels: int) -> nn.Module:
        """Create a layer normalisation."""
        return self.operations.LayerNorm(channels, **self._factory_kwargs())

    def table(self, rows: int, columns: int) -> nn.Module:
        """Create a learnable (rows, columns) tensor as a leaf module; read it with `read_table`."""
        return self.operations.Embedding(rows, columns, **self._factory_kwargs())

    def _factory_kwargs(self) -> dict[str, Any]:
        return {"device": self.device, "dtype": self.dtype}


def _uninitialised(layer: type[nn.Module]) -> type[nn.Module]:
    return type(layer.__name__, (layer,), {"reset_parameters": lambda self: None})


UNINITIALISED = SimpleNamespace(**{name: _uninitialised(layer) for name, layer in vars(TORCH).items()})
"""The layers of torch without random initialisation, for weights that are loaded from a file."""


def read_table(table: nn.Module, rows: int, like: Tensor) -> Tensor:
    """Return a table's (rows, columns) values on the device and in the dtype of `like`.

    It calls the layer's forward, so that ComfyUI can load an offloaded weight.
    """
    return table(torch.arange(rows, device=like.device)).to(like.dtype)


def timestep_embedding(timesteps: Tensor, dim: int) -> Tensor:
    """Return the sinusoidal embedding (b, dim) of timesteps (b,): cosines, then sines, in float32."""
    half = dim // 2
    exponents = torch.arange(half, device=timesteps.device, dtype=torch.float32).div(half)
    frequencies = torch.pow(10000, -exponents)
    angles = torch.outer(timesteps.float(), frequencies)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def position_table(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Return the sinusoidal embedding of frame positions: sines on even channels, cosines on odd ones.

    The official checkpoint stores 33 rows of it, which these match for any length, since they are computed in
    float64.

    Args:
        length: Number of frames.
        dim: Width of the embedding.
        device: Where to compute it.

    Returns:
        (length, dim) float32.

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
        """Map x (..., dim) to (..., hidden)."""
        if infers_on_cpu(x) and isinstance(self.proj, Linear):
            return self._in_two_parts(x, self.proj)
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)

    def _in_two_parts(self, x: Tensor, proj: Linear) -> Tensor:
        # GELU runs on the gate while it is in the cache.
        weights, biases = proj.weight.chunk(2), proj.bias.chunk(2)
        return linear(x, weights[1], biases[1], gelu=True).mul_(linear(x, weights[0], biases[0]))


class FeedForward(nn.Module):
    """Two linear layers with four times the width in between, and GEGLU or GELU."""

    def __init__(self, layers: LayerFactory, dim: int, *, gated: bool, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = 4 * dim
        widen = (
            GatedGelu(layers, dim, hidden) if gated else nn.Sequential(layers.linear(dim, hidden), nn.GELU())
        )
        self.net = nn.Sequential(widen, nn.Dropout(dropout), layers.linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., dim) to the same shape.

        The hidden values take eight times the memory of x, so many tokens are processed in chunks.
        """
        if torch.is_grad_enabled():
            return self.net(x)
        parts = [self.net(part) for part in _chunks(x)]
        return torch.cat(parts).view(x.shape)

    def residual(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Return x + self(norm(x)), in the memory of x unless it is recorded."""
        if is_recorded():
            return self.net(norm(x)) + x
        for part in _chunks(x):
            part.add_(self.net(norm(part)))
        return x


def _chunks(x: Tensor) -> tuple[Tensor, ...]:
    return x.flatten(0, -2).split(_TOKENS_IN_CACHE if x.device.type == "cpu" else TOKENS_AT_ONCE)
