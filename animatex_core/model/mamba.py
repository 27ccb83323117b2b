"""The selective state space layer (Mamba, Gu and Dao 2023), over the frames of each pixel.

Parameter shapes are those of `mamba_ssm.Mamba`; the raw A_log and D lie in one-leaf tables. The scan runs
in mamba_ssm's CUDA kernel where that is installed and the tensors are on CUDA, else in plain PyTorch.
"""

import importlib.util
import math
from functools import cache

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .config import MambaConfig
from .layers import LayerFactory, read_table


def selective_scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor) -> Tensor:
    """Run the recurrence h_t = exp(delta_t a) h_(t-1) + delta_t b_t u_t, y_t = c_t h_t + d u_t.

    u, delta, z: (n, channels, frames), delta after softplus; a: (channels, state), negative;
    b, c: (n, state, frames); d: (channels,). Returns y * silu(z), (n, channels, frames). The state is kept
    in float32.
    """
    a, delta32 = a.float(), delta.float()
    state = u.new_zeros(u.shape[0], u.shape[1], a.shape[1], dtype=torch.float32)
    inputs = delta32 * u.float()
    outputs = []
    for t in range(u.shape[2]):
        decay = torch.exp(delta32[:, :, t, None] * a)
        state = decay * state + inputs[:, :, t, None] * b[:, None, :, t].float()
        outputs.append(torch.einsum("ncs,ns->nc", state, c[:, :, t].float()))
    y = torch.stack(outputs, dim=2) + d.float()[:, None] * u.float()
    return (y * F.silu(z.float())).to(u.dtype)


@cache
def has_fused_scan() -> bool:
    """Whether mamba_ssm is installed."""
    return importlib.util.find_spec("mamba_ssm") is not None


def _scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor) -> Tensor:
    if u.is_cuda and has_fused_scan():
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

        return selective_scan_fn(u, delta.to(u.dtype), a, b.contiguous(), c.contiguous(), d.float(), z=z)
    return selective_scan(u, delta, a, b, c, d, z)


class Mamba(nn.Module):
    """One causal scan with its projections, short convolution and gate."""

    scan = staticmethod(_scan)

    def __init__(self, make: LayerFactory, dim: int, config: MambaConfig) -> None:
        super().__init__()
        self.inner, self.state, self.kernel = config.expand * dim, config.state, config.kernel
        self.rank = math.ceil(dim / 16)
        self.in_proj = make.linear(dim, 2 * self.inner, bias=False)
        self.conv1d = make.conv1d(
            self.inner, self.inner, self.kernel, groups=self.inner, padding=self.kernel - 1
        )
        self.x_proj = make.linear(self.inner, self.rank + 2 * self.state, bias=False)
        self.dt_proj = make.linear(self.rank, self.inner)
        self.A_log = make.table(self.inner, self.state)
        self.D = make.table(self.inner, 1)
        self.out_proj = make.linear(self.inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape; a frame sees itself and those before it."""
        u, z = rearrange(self.in_proj(x), "n f (k c) -> k n c f", k=2)
        u = F.silu(self.conv1d(u)[..., : x.shape[1]])
        projected = self.x_proj(rearrange(u, "n c f -> n f c"))
        low_rank, *b_c = projected.split([self.rank, self.state, self.state], dim=-1)
        delta = rearrange(F.softplus(self.dt_proj(low_rank)), "n f c -> n c f")
        a = -torch.exp(read_table(self.A_log, self.inner, x).float())
        d = read_table(self.D, self.inner, x)[:, 0]
        b, c = (rearrange(tensor, "n f s -> n s f") for tensor in b_c)
        y = self.scan(u, delta, a, b, c, d, z)
        return self.out_proj(rearrange(y, "n c f -> n f c"))


class BidirectionalMamba(nn.Module):
    """The sum of a scan forwards and one backwards, each with weights of its own."""

    def __init__(self, make: LayerFactory, dim: int, config: MambaConfig) -> None:
        super().__init__()
        self.forwards, self.backwards = Mamba(make, dim, config), Mamba(make, dim, config)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape; every frame sees all frames."""
        return self.forwards(x) + self.backwards(x.flip(1)).flip(1)


def make_mixer(make: LayerFactory, dim: int, config: MambaConfig) -> nn.Module:
    """Return the scan that a configuration asks for."""
    return (BidirectionalMamba if config.bidirectional else Mamba)(make, dim, config)
