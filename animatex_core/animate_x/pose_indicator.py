"""The implicit pose indicator (IPI): cross-attention with keypoint queries over CLIP features.

Paper, section 3.2. Attribute names are those of the official checkpoint.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import attend
from .layers import LayerFactory, position_table, read_table
from .part_configs import IpiConfig


class _SelfAttention(nn.Module):
    """Self-attention with separate q, k and v layers, which ComfyUI can offload.

    The official layer packs them into one parameter; `checkpoint_keys` splits it.
    """

    def __init__(self, layers: LayerFactory, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.to_q, self.to_k, self.to_v, self.out_proj = (layers.linear(dim, dim) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            rearrange(project(x), "b f (h d) -> b h f d", h=self.heads)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return self.out_proj(rearrange(attended, "b h f d -> b f (h d)"))


class _EncoderLayer(nn.Module):
    """Post-norm transformer layer with a ReLU in its feed-forward."""

    def __init__(self, layers: LayerFactory, config: IpiConfig) -> None:
        super().__init__()
        self.self_attn = _SelfAttention(layers, config.width, config.encoder_heads, config.dropout)
        self.linear1 = layers.linear(config.width, config.encoder_hidden)
        self.linear2 = layers.linear(config.encoder_hidden, config.width)
        self.norm1, self.norm2 = layers.layer_norm(config.width), layers.layer_norm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attn(x)))
        hidden = self.linear2(self.dropout(F.relu(self.linear1(x))))
        return self.norm2(x + self.dropout(hidden))


class _LayerStack(nn.Module):
    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class KeypointEncoder(nn.Module):
    """Encodes the keypoints of a video to the query q_p of the resampler."""

    def __init__(self, layers: LayerFactory, config: IpiConfig) -> None:
        super().__init__()
        width = config.width
        self.tokens = config.tokens
        self.interleaves_batch = config.interleaves_batch
        self.increase_embed_dim = nn.Sequential(
            layers.linear(2 * config.joints, width // 2), layers.linear(width // 2, width)
        )
        self.encoder = _LayerStack(_EncoderLayer(layers, config) for _ in range(config.encoder_layers))
        self.pre_image_condition_p = nn.Sequential(
            layers.linear(width, width), nn.SiLU(), layers.linear(width, width * config.tokens)
        )

    def forward(self, keypoints: Tensor) -> Tensor:
        """Encode (b, frames, 2, joints) to (b*frames, tokens, width)."""
        x = self.increase_embed_dim(keypoints.flatten(2))
        # The positional embedding is added once, at the input.
        x = self.encoder(x + position_table(x.shape[1], x.shape[2], x.device).to(x.dtype))
        order = "b f c -> (f b) c" if self.interleaves_batch else "b f c -> (b f) c"
        query = self.pre_image_condition_p(rearrange(x, order))
        return rearrange(query, "n (t c) -> n t c", t=self.tokens)


class _ResamplerAttention(nn.Module):
    def __init__(self, layers: LayerFactory, config: IpiConfig) -> None:
        super().__init__()
        inner = config.resampler_heads * config.resampler_head_dim
        self.heads = config.resampler_heads
        self.norm1, self.norm2 = layers.layer_norm(config.width), layers.layer_norm(config.width)
        self.to_q = layers.linear(config.width, inner, bias=False)
        self.to_kv = layers.linear(config.width, 2 * inner, bias=False)
        self.to_out = layers.linear(inner, config.width, bias=False)

    def forward(self, source: Tensor, latents: Tensor) -> Tensor:
        latents = self.norm2(latents)
        keys_values = self.to_kv(torch.cat([self.norm1(source), latents], dim=1))
        key, value = rearrange(keys_values, "n t (k h d) -> k n h t d", k=2, h=self.heads)
        query = rearrange(self.to_q(latents), "n t (h d) -> n h t d", h=self.heads)
        return self.to_out(rearrange(attend(query, key, value), "n h t d -> n t (h d)"))


class _ResamplerLayer(nn.ModuleList):
    def __init__(self, layers: LayerFactory, config: IpiConfig) -> None:
        width, hidden = config.width, 4 * config.width
        feed_forward = nn.Sequential(
            layers.layer_norm(width),
            layers.linear(width, hidden, bias=False),
            nn.GELU(),
            layers.linear(hidden, width, bias=False),
        )
        super().__init__([_ResamplerAttention(layers, config), feed_forward])

    def forward(self, source: Tensor, latents: Tensor) -> Tensor:
        attention, feed_forward = self
        latents = attention(source, latents) + latents
        return feed_forward(latents) + latents


class Resampler(nn.Module):
    """Cross-attention of a few latent tokens to the source tokens (equations 2 and 3)."""

    def __init__(self, layers: LayerFactory, config: IpiConfig) -> None:
        super().__init__()
        width = config.width
        source_dim = width if config.variant == "clip_query" else config.clip_dim
        self.tokens = config.tokens
        self.latents = layers.table(config.tokens, width) if config.uses_learned_query else None
        self.proj_in = layers.linear(source_dim, width)
        self.proj_out = layers.linear(width, width)
        self.norm_out = layers.layer_norm(width)
        self.layers = nn.ModuleList(_ResamplerLayer(layers, config) for _ in range(config.resampler_layers))

    def forward(self, source: Tensor, query: Tensor | None) -> Tensor:
        """Read the source with the query.

        Args:
            source: (n, m, source_dim), CLIP features, or encoded keypoints with the variant "clip_query".
            query: (n, 1 or tokens, width), added to the learned query; None for the learned query alone.

        Returns:
            (n, tokens, width).

        """
        source = self.proj_in(source)
        latents = self._initial_latents(source, query)
        for layer in self.layers:
            latents = layer(source, latents)
        return self.norm_out(self.proj_out(latents))

    def _initial_latents(self, source: Tensor, query: Tensor | None) -> Tensor:
        shape = (source.shape[0], self.tokens, source.shape[2])
        latents = source.new_zeros(shape) if query is None else query.expand(shape)
        return latents if self.latents is None else latents + read_table(self.latents, self.tokens, source)
