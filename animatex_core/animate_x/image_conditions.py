"""Encoders of the pose pictures and of the reference, from pixels (or latents) to latent-sized channels."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .layers import FeedForward, LayerFactory, attend

# Convolutions at full resolution are memory-hungry, and frames do not see each other there.
_FRAMES_AT_ONCE = 8


class ImageConditionEncoder(nn.Sequential):
    """Convolutions from (n, 3, height, width) down to the size of the latents.

    The second layer works on four times the latents' size, whatever the autoencoder's factor: the release
    pools 768 x 512 to half of it before two convolutions of stride 2. pools_first: it is the pictures that
    are pooled, before the first layer, which is then four times cheaper.
    """

    def __init__(self, layers: LayerFactory, hidden: int, outputs: int, *, pools_first: bool = False) -> None:
        super().__init__(
            layers.conv2d(3, hidden, 3, padding=1),
            nn.SiLU(),
            nn.Identity(),
            layers.conv2d(hidden, hidden, 3, stride=2, padding=1),
            nn.SiLU(),
            layers.conv2d(hidden, outputs, 3, stride=2, padding=1),
        )
        self.pools_first = pools_first

    def forward(  # type: ignore[override]
        self, pictures: Tensor, latent_size: tuple[int, int], dtype: torch.dtype
    ) -> Tensor:
        """Encode (n, 3, height, width), uint8 or in 0..1, to (n, outputs, *latent_size) of `dtype`."""
        parts = pictures.split(_FRAMES_AT_ONCE)
        return torch.cat([self._encode(_in_units(part, dtype), latent_size) for part in parts])

    def _encode(self, pictures: Tensor, latent_size: tuple[int, int]) -> Tensor:
        size = 4 * latent_size[0], 4 * latent_size[1]
        if self.pools_first:
            hidden = self[1](self[0](average_pool(pictures, size)))
        else:
            hidden = average_pool(self[1](self[0](pictures)), size)
        return self[5](self[4](self[3](hidden)))


def average_pool(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Average x (n, c, height, width) down to a size, as adaptive pooling does.

    By a whole factor on a CPU it goes as a convolution: both ways six times as fast as the pooling itself,
    a third of a small network's training step.
    """
    factor = x.shape[2] // size[0]
    if x.device.type != "cpu" or x.shape[2:] != (factor * size[0], factor * size[1]):
        return F.adaptive_avg_pool2d(x, size)
    weight = x.new_full((x.shape[1], 1, factor, factor), factor**-2)
    return F.conv2d(x, weight, stride=factor, groups=x.shape[1])


def _in_units(pictures: Tensor, dtype: torch.dtype) -> Tensor:
    if pictures.is_floating_point():
        return pictures.to(dtype)
    return (pictures.float() / 255).to(dtype)


class LatentConvolutions(nn.Sequential):
    """Convolutions that keep the latents' size."""

    def __init__(self, layers: LayerFactory, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(
            layers.conv2d(inputs, hidden, 3, padding=1),
            nn.SiLU(),
            layers.conv2d(hidden, hidden, 3, padding=1),
            nn.SiLU(),
            layers.conv2d(hidden, outputs, 3, padding=1),
        )


class _PixelAttention(nn.Module):
    def __init__(self, layers: LayerFactory, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = layers.linear(dim, 3 * heads * dim, bias=False)
        self.to_out = nn.Sequential(layers.linear(heads * dim, dim), nn.Dropout(0.05))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = rearrange(self.to_qkv(x), "n t (k h d) -> k n h t d", k=3, h=self.heads)
        return self.to_out(rearrange(attend(query, key, value), "n h t d -> n t (h d)"))


class _PreNorm(nn.Module):
    def __init__(self, layers: LayerFactory, dim: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm = layers.layer_norm(dim)
        self.fn = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x)) + x


class _PixelLayer(nn.ModuleList):
    def __init__(self, layers: LayerFactory, dim: int, heads: int) -> None:
        attention = _PreNorm(layers, dim, _PixelAttention(layers, dim, heads))
        super().__init__([attention, FeedForward(layers, dim, gated=False, dropout=0.05)])

    def forward(self, tokens: Tensor) -> Tensor:
        attention, feed_forward = self
        tokens = attention(tokens)
        return feed_forward(tokens) + tokens


class PixelTransformer(nn.Module):
    """One transformer layer over the frames at every pixel; each head is as wide as the input."""

    def __init__(self, layers: LayerFactory, dim: int, heads: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_PixelLayer(layers, dim, heads)])

    def forward(self, x: Tensor, batch: int) -> Tensor:
        """Map (b*f, c, h, w) to (b, c, f, h, w)."""
        tokens = self.layers[0](rearrange(x, "(b f) c h w -> (b h w) f c", b=batch))
        return rearrange(tokens, "(b h w) f c -> b c f h w", b=batch, h=x.shape[2])
