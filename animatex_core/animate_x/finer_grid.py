"""A finer grid than that of the latents, on which the denoiser can work.

The autoencoder of the small models is linear, and the channels of one latent hold nearly all of 8x8 pixels. A
network that convolves such latents has to learn every edge once for each of its 64 positions within a
latent. On a finer grid, what it learnt at one position holds at all others.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .config import DenoiserConfig
from .layers import LayerFactory


class FinerGrid(nn.Module):
    """Linear maps from latents to the cells of a finer grid, and back.

    Args:
        layers: Creates the layers.
        config: Sizes of the denoiser, whose grid is finer than the latents.

    """

    def __init__(self, layers: LayerFactory, config: DenoiserConfig) -> None:
        super().__init__()
        self.factor, self.latent_channels = config.grid_factor, config.latent_channels
        self.puppet, self.smallest_change = config.puppet, config.smallest_change
        cells = config.cell_channels * config.grid_factor**2
        # Without biases, so that latents of zero stay zero.
        self.to_cells = layers.conv2d(config.latent_channels, cells, 1, bias=False)
        self.to_latents = layers.conv2d(cells, config.latent_channels, 1, bias=False)

    def enter(self, video: Tensor) -> Tensor:
        """Bring the input of the network to the grid.

        Args:
            video: (n, reference_channels, h, w): latents, encoded images (`fold_images`) and, for a network
                with a puppet, its latents.

        Returns:
            (n, stem_channels, grid_factor * h, grid_factor * w).

        """
        kept = self.latent_channels
        puppet = [video[:, -kept:]] if self.puppet else []
        images = video[:, kept : video.shape[1] - len(puppet) * kept]
        first, *rest = (self._cells(latents) for latents in (video[:, :kept], *puppet))
        return torch.cat([first, F.pixel_shuffle(images, self.factor), *rest], dim=1)

    def leave(self, cells: Tensor) -> Tensor:
        """Map cells (n, cell_channels, factor * h, factor * w) to latents (n, latent_channels, h, w)."""
        return self.to_latents(F.pixel_unshuffle(self._without_small_changes(cells), self.factor))

    def _without_small_changes(self, cells: Tensor) -> Tensor:
        if self.training or not self.smallest_change:
            return cells
        size = cells.abs().amax(dim=1, keepdim=True)
        return cells * (size / self.smallest_change - 1).clamp(0, 1)

    def split(self, latents: Tensor) -> Tensor:
        """Map latents (b, c, f, h, w) to their cells as channels, (b, cell_channels * factor**2, f, h, w)."""
        cells = self.to_cells(rearrange(latents, "b c f h w -> (b f) c h w"))
        return rearrange(cells, "(b f) c h w -> b c f h w", b=latents.shape[0])

    def _cells(self, latents: Tensor) -> Tensor:
        return F.pixel_shuffle(self.to_cells(latents), self.factor)


def fold_images(images: Tensor, factor: int) -> Tensor:
    """Fold images on the grid, (b, c, f, factor * h, factor * w), into (b, c * factor**2, f, h, w)."""
    if factor == 1:
        return images
    return rearrange(images, "b c f (h y) (w x) -> b (c y x) f h w", y=factor, x=factor)
