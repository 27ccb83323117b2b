"""Wan's video autoencoder through diffusers, loaded from ComfyUI's single file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import load_strictly
from ...utils.optional import empty_weights, plus_package
from ...utils.progress import Progress, no_progress
from ..shapes import SPATIAL_STRIDE
from .weights import shape_of

TILE, STRIDE = (30, 52), (15, 26)  # (height, width) of the official tiles, in latents
_OFFICIAL = "encoder.conv1.weight"
_DIFFUSERS = "encoder.conv_in.weight"


@dataclass(frozen=True, eq=False)
class WanAutoencoder:
    """Wan's autoencoder.

    Args:
        network: diffusers' `AutoencoderKLWan`, in eval mode.

    """

    network: Any

    @classmethod
    def from_file(
        cls, path: str | Path, dtype: torch.dtype = torch.bfloat16, device: torch.device | str = "cpu"
    ) -> "WanAutoencoder":
        """Load a file such as `wan_2.1_vae.safetensors`, with official keys or those of diffusers.

        Args:
            path: The file.
            dtype: Type of the weights; the official code uses bfloat16.
            device: Where the weights are.

        Raises:
            CheckpointError: The file is damaged or of another model.
            MissingDependency: diffusers is not installed, or too old to have Wan.

        """
        tensors = diffusers_names(open_tensors(path))
        network = _network(shape_of(tensors, _DIFFUSERS, str(path))[0])
        return cls(load_strictly(network, tensors, "Wan's autoencoder", str(path), dtype, device))

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Encode a video to normalised latents: the mean of the posterior, untiled as in the official code.

        Args:
            video: (b, 3, 4f + 1, h, w) in -1..1.

        Returns:
            (b, 16, f + 1, h/8, w/8).

        """
        moments = self.network.encode(video.to(self._weight)).latent_dist
        mean, deviation = self._statistics
        return (moments.mode() - mean) / deviation

    @torch.no_grad()
    def decode(self, latents: Tensor, progress: Progress = no_progress) -> Tensor:
        """Decode normalised latents to a video.

        Tiles have the official size, but are blended slightly differently.

        Args:
            latents: (b, 16, f + 1, h, w).
            progress: Called after every latent frame of every tile; may raise to cancel.

        Returns:
            (b, 3, 4f + 1, 8h, 8w) in -1..1.

        """
        mean, deviation = self._statistics
        scaled = latents.to(self._weight) * deviation + mean
        tiled = any(side > tile for side, tile in zip(scaled.shape[3:], TILE, strict=True))
        tiles = [ceil(side / step) for side, step in zip(scaled.shape[3:], STRIDE, strict=True)]
        total = scaled.shape[2] * (tiles[0] * tiles[1] if tiled else 1)
        hook = self.network.decoder.register_forward_hook(_counted(progress, total))
        height, width, *strides = (SPATIAL_STRIDE * side for side in (*TILE, *STRIDE))
        self.network.enable_tiling(height, width, *strides)
        try:
            return self.network.decode(scaled).sample
        finally:
            self.network.disable_tiling()
            hook.remove()

    @property
    def _weight(self) -> Tensor:
        return next(self.network.parameters())

    @property
    def _statistics(self) -> tuple[Tensor, Tensor]:
        config, weight = self.network.config, self._weight
        mean, deviation = (
            torch.tensor(values).view(1, -1, 1, 1, 1).to(weight)
            for values in (config.latents_mean, config.latents_std)
        )
        return mean, deviation


def diffusers_names(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Rename official keys to those of diffusers; tensors with other keys are returned unchanged."""
    if _OFFICIAL not in tensors:
        return tensors
    return plus_package("diffusers.loaders.single_file_utils").convert_wan_vae_to_diffusers(tensors)


def _network(base_dim: int) -> nn.Module:
    with empty_weights():
        return plus_package("diffusers").AutoencoderKLWan(base_dim=base_dim)


def _counted(progress: Progress, total: int) -> Callable[..., None]:
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return count
