"""Wan's video autoencoder through diffusers, from the one file that ComfyUI has of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import load_strictly
from ...utils.optional import plus_package, without_weights
from ...utils.progress import Progress, no_progress
from ..shapes import PIXELS_A_LATENT
from .weights import shape_in

TILE, STRIDE = (30, 52), (15, 26)  # height and width of the release's tiles, in latents
_OFFICIAL = "encoder.conv1.weight"
_DIFFUSERS = "encoder.conv_in.weight"


@dataclass(frozen=True, eq=False)
class WanAutoencoder:
    """network: diffusers' `AutoencoderKLWan`."""

    network: Any

    @classmethod
    def from_file(
        cls, path: str | Path, dtype: torch.dtype = torch.bfloat16, device: torch.device | str = "cpu"
    ) -> "WanAutoencoder":
        """Load a file such as `wan_2.1_vae.safetensors`; the release runs it in bfloat16.

        Diffusers' own names will do too. Raises CheckpointError and its kinds, MissingDependency where
        diffusers is absent or too old to have Wan.
        """
        tensors: Mapping[str, Tensor] = open_tensors(path)
        if _OFFICIAL in tensors:
            tensors = plus_package("diffusers.loaders.single_file_utils").convert_wan_vae_to_diffusers(
                tensors
            )
        network = _network(shape_in(tensors, _DIFFUSERS, str(path))[0])
        return cls(load_strictly(network, tensors, "Wan's autoencoder", str(path), dtype, device))

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Return the normalised latents (b, 16, f + 1, h/8, w/8) of pictures (b, 3, 4f + 1, h, w) in -1..1.

        The mean of the posterior, in one piece as released.
        """
        moments = self.network.encode(video.to(self._weight)).latent_dist
        mean, deviation = self._statistics
        return (moments.mode() - mean) / deviation

    @torch.no_grad()
    def decode(self, latents: Tensor, progress: Progress = no_progress) -> Tensor:
        """Return the pictures (b, 3, 4f + 1, 8h, 8w) in -1..1 of normalised latents (b, 16, f + 1, h, w).

        In tiles of the released size, which are blended a little otherwise. progress: called after every
        latent frame of every tile; may raise to stop.
        """
        mean, deviation = self._statistics
        given = latents.to(self._weight) * deviation + mean
        tiled = any(side > tile for side, tile in zip(given.shape[3:], TILE, strict=True))
        tiles = [ceil(side / step) for side, step in zip(given.shape[3:], STRIDE, strict=True)]
        total = given.shape[2] * (tiles[0] * tiles[1] if tiled else 1)
        counting = self.network.decoder.register_forward_hook(_counted(progress, total))
        height, width, *strides = (PIXELS_A_LATENT * side for side in (*TILE, *STRIDE))
        self.network.enable_tiling(height, width, *strides)
        try:
            return self.network.decode(given).sample
        finally:
            self.network.disable_tiling()
            counting.remove()

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
    """Rename official tensors to those of diffusers; others keep their names."""
    if _OFFICIAL not in tensors:
        return tensors
    return plus_package("diffusers.loaders.single_file_utils").convert_wan_vae_to_diffusers(tensors)


def _network(base_dim: int) -> nn.Module:
    with without_weights():
        return plus_package("diffusers").AutoencoderKLWan(base_dim=base_dim)


def _counted(progress: Progress, total: int) -> Callable[..., None]:
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return count
