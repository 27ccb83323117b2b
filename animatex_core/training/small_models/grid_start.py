"""The maps between the latents of a linear autoencoder and the denoiser's finer grid, see `FinerGrid`."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...animate_x.unet import AnimateXUNet
from ...errors import InvalidInput

LINEAR = 2e-2  # largest relative deviation of an autoencoder from a linear map


@torch.no_grad()
def set_grid(unet: AnimateXUNet, autoencoder: Any, patch: int = 8) -> None:
    """Let the cells of the finer grid of a denoiser hold the pixels that a linear autoencoder decodes.

    The two maps stay as they are in training.

    Args:
        unet: A denoiser with a finer grid than its latents.
        autoencoder: Maps each patch linearly to one latent.
        patch: Pixels per latent along one side.

    Raises:
        InvalidInput: The autoencoder is not linear, or the cells have another size than its pixels.

    """
    grid, config = unet.grid, unet.config
    assert grid is not None
    side = patch // config.grid_factor
    if config.cell_channels != 3 * side**2:
        raise InvalidInput(
            f"A cell of the grid has {config.cell_channels} channels, but {side}x{side} pixels have "
            f"{3 * side**2} values: set model.cell_channels to {3 * side**2}."
        )
    decoded, encoded = _linear_maps(autoencoder, config.latent_channels, patch)
    cells = F.pixel_unshuffle(decoded, side).flatten(1)
    grid.to_cells.get_parameter("weight").copy_(cells.T[..., None, None])
    latents = F.pixel_unshuffle(encoded, side).flatten(1)
    grid.to_latents.get_parameter("weight").copy_(latents[..., None, None])


def _linear_maps(autoencoder: Any, channels: int, patch: int) -> tuple[Tensor, Tensor]:
    """Return the pixels of each latent, and how much each pixel adds to it, both (c, 3, patch, patch)."""
    latents = torch.eye(channels)[:, :, None, None]
    decoded = autoencoder.decode(latents).float() - autoencoder.decode(torch.zeros_like(latents[:1])).float()
    images = torch.eye(3 * patch**2).view(-1, 3, patch, patch)
    encoded = autoencoder.encode(images).float() - autoencoder.encode(torch.zeros_like(images[:1])).float()
    mapped = encoded.flatten(1).T.view(channels, 3, patch, patch)
    again = torch.einsum("ichw,jchw->ij", decoded, mapped)
    if not torch.allclose(again, torch.eye(channels), atol=LINEAR):
        raise InvalidInput("The autoencoder is not linear: pass the patch autoencoder.")
    return decoded, mapped
