"""Layers over the frames at each pixel: the released transformer, or the paper's Mamba."""

from einops import rearrange
from torch import Tensor, nn

from .attention import TransformerBlock
from .conditions import Step
from .config import DenoiserConfig
from .layers import FeedForward, LayerFactory
from .mamba import make_mixer


class MambaBlock(nn.Module):
    """Pre-norm block: a selective scan over the frames in place of both attentions, gated feed-forward."""

    def __init__(self, make: LayerFactory, dim: int, config: DenoiserConfig) -> None:
        super().__init__()
        self.mixer = make_mixer(make, dim, config.mamba)
        self.ff = FeedForward(make, dim, gated=True)
        self.norm1, self.norm2 = make.layer_norm(dim), make.layer_norm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, frames, dim) to the same shape."""
        x = self.mixer(self.norm1(x)) + x
        return self.ff(self.norm2(x)) + x


class TemporalTransformer(nn.Module):
    """Every pixel attends to itself in all frames, the reference included."""

    def __init__(self, make: LayerFactory, channels: int, heads: int, config: DenoiserConfig) -> None:
        super().__init__()
        inner = heads * config.head_dim
        self.norm = make.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in = make.conv1d(channels, inner, 1)
        self.transformer_blocks = nn.ModuleList([_make_block(make, inner, heads, config)])
        self.proj_out = make.conv1d(inner, channels, 1)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Map (b*f, c, h, w) to the same shape."""
        height, frames = x.shape[2], step.frames
        # One normalisation over the whole clip, as the statistics of the release include time.
        clip = self.norm(rearrange(x, "(b f) c h w -> b c f h w", f=frames))
        # The projections look at one position at a time, so the order of positions is free.
        tokens = self.proj_in(rearrange(clip, "b c f h w -> b c (f h w)"))
        tokens = rearrange(tokens, "b c (f p) -> (b p) f c", f=frames)
        tokens = self.transformer_blocks[0](tokens)
        tokens = rearrange(tokens, "(b p) f c -> b c (f p)", b=clip.shape[0])
        hidden = self.proj_out(tokens.contiguous())
        return x + rearrange(hidden, "b c (f h w) -> (b f) c h w", f=frames, h=height)


def _make_block(make: LayerFactory, dim: int, heads: int, config: DenoiserConfig) -> nn.Module:
    if config.temporal == "mamba":
        return MambaBlock(make, dim, config)
    return TransformerBlock(make, dim, heads, config.head_dim)
