"""Encoders of pose images and reference, from pixels (or latents) to channels at latent resolution."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..encoders.preprocessing import to_unit_floats
from .attention import attend
from .layers import FeedForward, LayerFactory

# Convolutions at full resolution take much memory, and they treat each frame separately.
_FRAMES_AT_ONCE = 8
_STRIDES = {4: (2, 2), 2: (2, 1), 1: (1, 1)}  # of the last two convolutions, by the images' size on the grid


class ImageConditionEncoder(nn.Sequential):
    """Convolutions from (n, 3, height, width) down to the size of the latents.

    Images are pooled to four times the size of the latents, whatever the autoencoder's factor, before two
    convolutions of stride 2: the official code pools 768 x 512 to half of it. On a grid that is
    finer than the latents, fewer convolutions have a stride, and images keep eight times the latents' size.

    Args:
        layers: Creates the layers.
        hidden: Channels between the convolutions.
        outputs: Channels of the result.
        pools_first: Pool the images before the first convolution, which is then four times cheaper, not
            after it.
        grid_factor: The result is on a grid that is this many times finer than the latents.

    """

    def __init__(
        self,
        layers: LayerFactory,
        hidden: int,
        outputs: int,
        *,
        pools_first: bool = False,
        grid_factor: int = 1,
    ) -> None:
        self.reach = min(4, 8 // grid_factor)
        strides = _STRIDES[self.reach]
        super().__init__(
            layers.conv2d(3, hidden, 3, padding=1),
            nn.SiLU(),
            nn.Identity(),
            layers.conv2d(hidden, hidden, 3, stride=strides[0], padding=1),
            nn.SiLU(),
            layers.conv2d(hidden, outputs, 3, stride=strides[1], padding=1),
        )
        self.pools_first = pools_first

    def forward(  # type: ignore[override]
        self, images: Tensor, grid_size: tuple[int, int], dtype: torch.dtype
    ) -> Tensor:
        """Encode images.

        Args:
            images: (n, 3, height, width), uint8, or floats in 0..1.
            grid_size: (height, width) of the latents, or of the finer grid.
            dtype: Type to compute in.

        Returns:
            (n, outputs, *grid_size) of `dtype`.

        """
        parts = images.split(_FRAMES_AT_ONCE)
        return torch.cat([self._encode(to_unit_floats(part, dtype), grid_size) for part in parts])

    def _encode(self, images: Tensor, grid_size: tuple[int, int]) -> Tensor:
        size = self.reach * grid_size[0], self.reach * grid_size[1]
        if self.pools_first:
            hidden = self[1](self[0](average_pool(images, size)))
        else:
            hidden = average_pool(self[1](self[0](images)), size)
        return self[5](self[4](self[3](hidden)))


def average_pool(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Average x (n, c, height, width) down to a size (height, width), as adaptive pooling does.

    For a whole factor on a CPU it runs as a convolution: forward and backward take a sixth of the time, which
    saves a third of a small network's training step.
    """
    factor = x.shape[2] // size[0]
    if x.device.type != "cpu" or x.shape[2:] != (factor * size[0], factor * size[1]):
        return F.adaptive_avg_pool2d(x, size)
    weight = x.new_full((x.shape[1], 1, factor, factor), factor**-2)
    return F.conv2d(x, weight, stride=factor, groups=x.shape[1])


class LatentConvolutions(nn.Sequential):
    """Convolutions that keep the size of the latents."""

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
    """One temporal transformer layer at every pixel; each head is as wide as the input."""

    def __init__(self, layers: LayerFactory, dim: int, heads: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_PixelLayer(layers, dim, heads)])

    def forward(self, x: Tensor, batch: int) -> Tensor:
        """Map (b*f, c, h, w) to (b, c, f, h, w)."""
        tokens = self.layers[0](rearrange(x, "(b f) c h w -> (b h w) f c", b=batch))
        return rearrange(tokens, "(b h w) f c -> b c f h w", b=batch, h=x.shape[2])


class FramesAsVideo(nn.Module):
    """Stands where a network without temporal layers at the finest level has no pixel transformer."""

    def forward(self, x: Tensor, batch: int) -> Tensor:
        """Map (b*f, c, h, w) to (b, c, f, h, w)."""
        return rearrange(x, "(b f) c h w -> b c f h w", b=batch)


def pixel_transformer(layers: LayerFactory, dim: int, *, exists: bool = True) -> nn.Module:
    """Return a pixel transformer, or what stands in its place in a network that has none."""
    return PixelTransformer(layers, dim) if exists else FramesAsVideo()
