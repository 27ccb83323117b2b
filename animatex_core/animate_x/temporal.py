"""Temporal layers at each pixel: the official transformer, or the paper's Mamba (section 3.4)."""

import importlib.util
import math
from functools import cache

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import TransformerBlock
from .conditions import BlockContext
from .config import DenoiserConfig
from .cpu_layers import Conv1d, added, infers_on_cpu
from .layers import FeedForward, LayerFactory, read_table
from .part_configs import MambaConfig


def selective_scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor) -> Tensor:
    """Run the recurrence h_t = exp(delta_t a) h_(t-1) + delta_t b_t u_t, y_t = c_t h_t + d u_t.

    The state is kept in float32. This is the reference for mamba_ssm's fused kernel.

    Args:
        u: Input, (n, channels, frames).
        delta: Step sizes after softplus, of that shape.
        a: Decay rates, (channels, state), negative.
        b: Input matrix, (n, state, frames).
        c: Output matrix, (n, state, frames).
        d: Skip connection, (channels,).
        z: Gate, of the shape of u.

    Returns:
        y * silu(z), (n, channels, frames), in the dtype of u.

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
    """Return whether mamba_ssm is installed."""
    return importlib.util.find_spec("mamba_ssm") is not None


def _scan(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, z: Tensor) -> Tensor:
    if u.is_cuda and has_fused_scan():
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

        return selective_scan_fn(u, delta.to(u.dtype), a, b.contiguous(), c.contiguous(), d.float(), z=z)
    return selective_scan(u, delta, a, b, c, d, z)


class Mamba(nn.Module):
    """One causal scan with its projections, short convolution and gate (Gu and Dao 2023)."""

    scan = staticmethod(_scan)

    def __init__(self, layers: LayerFactory, dim: int, config: MambaConfig) -> None:
        super().__init__()
        self.inner, self.state, self.kernel = config.expand * dim, config.state, config.kernel
        self.rank = math.ceil(dim / 16)
        self.in_proj = layers.linear(dim, 2 * self.inner, bias=False)
        self.conv1d = layers.conv1d(
            self.inner, self.inner, self.kernel, groups=self.inner, padding=self.kernel - 1
        )
        self.x_proj = layers.linear(self.inner, self.rank + 2 * self.state, bias=False)
        self.dt_proj = layers.linear(self.rank, self.inner)
        self.A_log = layers.table(self.inner, self.state)
        self.D = layers.table(self.inner, 1)
        self.out_proj = layers.linear(self.inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape; a frame depends on itself and those before it."""
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
    """The sum of a forward and a backward scan with separate weights."""

    def __init__(self, layers: LayerFactory, dim: int, config: MambaConfig) -> None:
        super().__init__()
        self.forwards, self.backwards = Mamba(layers, dim, config), Mamba(layers, dim, config)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape; every frame depends on all frames."""
        return self.forwards(x) + self.backwards(x.flip(1)).flip(1)


def make_mixer(layers: LayerFactory, dim: int, config: MambaConfig) -> nn.Module:
    """Return the scan that a configuration asks for."""
    return (BidirectionalMamba if config.bidirectional else Mamba)(layers, dim, config)


class MambaBlock(nn.Module):
    """Pre-norm block: a selective scan over the frames instead of attention, gated feed-forward."""

    def __init__(self, layers: LayerFactory, dim: int, config: DenoiserConfig) -> None:
        super().__init__()
        self.mixer = make_mixer(layers, dim, config.mamba)
        self.ff = FeedForward(layers, dim, gated=True)
        self.norm1, self.norm2 = layers.layer_norm(dim), layers.layer_norm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape."""
        mixed = self.mixer(self.norm1(x))
        x = added(mixed, x, into=mixed)
        return self.ff.residual(x, self.norm2)


class TemporalTransformer(nn.Module):
    """Every pixel attends to itself in all frames, including the reference frame."""

    def __init__(self, layers: LayerFactory, channels: int, heads: int, config: DenoiserConfig) -> None:
        super().__init__()
        inner = heads * config.head_dim
        self.norm = layers.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in = layers.conv1d(channels, inner, 1)
        block = (
            MambaBlock(layers, inner, config)
            if config.temporal == "mamba"
            else TransformerBlock(layers, inner, heads, config.head_dim)
        )
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = layers.conv1d(inner, channels, 1)

    def forward(self, x: Tensor, step: BlockContext) -> Tensor:
        """Map (b*f, c, h, w) to the same shape."""
        height, frames = x.shape[2], step.frames
        # The norm covers all frames: its statistics include time in the official code.
        video = self.norm(rearrange(x, "(b f) c h w -> b c f h w", f=frames))
        # The projections are pointwise, so the order of positions does not matter.
        tokens = self.proj_in(rearrange(video, "b c f h w -> b c (f h w)"))
        tokens = rearrange(tokens, "b c (f p) -> (b p) f c", f=frames)
        if infers_on_cpu(x) and isinstance(self.proj_out, Conv1d):
            # Copied once here, the tokens are in order for all layers of the block.
            hidden = self.proj_out(self.transformer_blocks[0](tokens.contiguous()).transpose(1, 2))
            return x + rearrange(hidden, "(b h w) c f -> (b f) c h w", b=video.shape[0], h=height)
        tokens = self.transformer_blocks[0](tokens)
        tokens = rearrange(tokens, "(b p) f c -> b c (f p)", b=video.shape[0])
        hidden = self.proj_out(tokens.contiguous())
        return x + rearrange(hidden, "b c (f h w) -> (b f) c h w", f=frames, h=height)
