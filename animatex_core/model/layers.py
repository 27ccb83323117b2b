"""Small layers that every part of the denoiser is built from.

Layer classes come from a namespace (`torch.nn`, or a host's `operations` that cast and offload weights).
So that a host can move every weight, a parameter never lies on a module that has children: raw tensors
live in one-leaf tables.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
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

    def __init__(self, make: LayerFactory, dim: int, hidden: int) -> None:
        super().__init__()
        self.proj = make.linear(dim, 2 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Two linear layers, four times wider in between; gated, or with a plain GELU."""

    def __init__(self, make: LayerFactory, dim: int, *, gated: bool, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = 4 * dim
        widen = GatedGelu(make, dim, hidden) if gated else nn.Sequential(make.linear(dim, hidden), nn.GELU())
        self.net = nn.Sequential(widen, nn.Dropout(dropout), make.linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., dim) to the same shape.

        Eight times the width of x is alive in between, so many tokens go through in pieces.
        """
        if torch.is_grad_enabled():
            return self.net(x)
        parts = [self.net(part) for part in x.flatten(0, -2).split(TOKENS_AT_ONCE)]
        return torch.cat(parts).view(x.shape)
