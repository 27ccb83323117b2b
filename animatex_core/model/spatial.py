"""Attention within each frame: to itself, to the context, and to the motion tokens of the IPI."""

from typing import cast

from einops import rearrange
from torch import Tensor, nn

from .attention import KeyValue, TransformerBlock
from .conditions import Step
from .config import DenoiserConfig
from .layers import LayerFactory


class MotionAttention(nn.Module):
    """A spatial transformer whose context is the IPI tokens of each frame (paper, section 3.2)."""

    def __init__(self, make: LayerFactory, channels: int, config: DenoiserConfig, tokens_dim: int) -> None:
        super().__init__()
        heads = channels // config.head_dim
        self.norm_p = make.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in_p = make.linear(channels, channels)
        block = TransformerBlock(make, channels, heads, config.head_dim, context_dim=tokens_dim)
        self.transformer_blocks_p = nn.ModuleList([block])
        self.proj_out_p = make.linear(channels, channels)

    def keys_values(self, tokens: Tensor) -> KeyValue:
        """Project the IPI tokens (b*(f+1), tokens, width)."""
        return cast(TransformerBlock, self.transformer_blocks_p[0]).attn2.keys_values(tokens)

    def forward(self, x: Tensor, motion: KeyValue) -> Tensor:
        """Map (b*f, c, h, w) to what is to be added to it."""
        tokens = rearrange(self.norm_p(x), "n c h w -> n (h w) c")
        tokens = self.transformer_blocks_p[0](self.proj_in_p(tokens), motion)
        return rearrange(self.proj_out_p(tokens), "n (h w) c -> n c h w", h=x.shape[2])


class SpatialTransformer(nn.Module):
    """Self attention and cross attention to the context, then the motion attention.

    index: which entry of the conditions' cached keys and values belongs to this layer.
    """

    def __init__(self, make: LayerFactory, channels: int, config: DenoiserConfig, index: int) -> None:
        super().__init__()
        heads = channels // config.head_dim
        self.index = index
        self.parallel = config.motion_attention == "parallel"
        self.motion_scale = config.motion_scale
        self.reference_keys = config.reference_keys
        self.norm = make.group_norm(config.norm_groups, channels, eps=1e-6)
        self.proj_in = make.linear(channels, channels)
        block = TransformerBlock(make, channels, heads, config.head_dim, context_dim=config.context_dim)
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = make.linear(channels, channels)
        self.pose_attention = (
            None if config.ipi is None else MotionAttention(make, channels, config, config.ipi.width)
        )

    def keys_values(self, context: Tensor) -> KeyValue:
        """Project the context (b, tokens, context_dim)."""
        return cast(TransformerBlock, self.transformer_blocks[0]).attn2.keys_values(context)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Map (b*f, c, h, w) to the same shape."""
        reference_of = step.frames if self.reference_keys else None
        attended = self._attend(x, step.conditions.context[self.index], reference_of) + x
        if self.pose_attention is None:
            return attended
        source = x if self.parallel else attended
        motion = self.pose_attention(source, step.conditions.motion[self.index])
        return attended + self.motion_scale * motion

    def _attend(self, x: Tensor, context: KeyValue, reference_of: int | None) -> Tensor:
        tokens = rearrange(self.norm(x), "n c h w -> n (h w) c")
        tokens = self.transformer_blocks[0](self.proj_in(tokens), context, reference_of)
        return rearrange(self.proj_out(tokens), "n (h w) c -> n c h w", h=x.shape[2])
