"""ComfyUI's CLIP_VISION and VAE as the core's encoders."""

from dataclasses import dataclass

import torch
from comfy.clip_vision import ClipVisionModel
from comfy.sd import VAE
from einops import rearrange
from torch import Tensor

from ...animatex_core.encoders.autoencoder import LATENT_SCALE
from ...animatex_core.encoders.preprocessing import CLIP_MEAN, CLIP_STD
from ...animatex_core.errors import InvalidInput


@dataclass(frozen=True)
class HostImageEncoder:
    """`protocols.ImageEncoder` through a CLIP_VISION."""

    clip_vision: ClipVisionModel

    def encode(self, pictures: Tensor) -> Tensor:
        """(n, 3, 224, 224) -> (n, clip_dim), where ComfyUI keeps such results."""
        # ComfyUI subtracts CLIP's mean itself, and neither resizes nor crops pictures of this size.
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
        units = rearrange(pictures * std + mean, "n c h w -> n h w c")
        return self.clip_vision.encode_image(units)["image_embeds"]


@dataclass(frozen=True)
class HostLatentEncoder:
    """`protocols.LatentEncoder` through a VAE, which always gives the mean of the posterior."""

    vae: VAE

    def encode(self, pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(n, 3, h, w) in -1..1, sides multiples of 8 -> (n, 4, h/8, w/8), times 0.18215."""
        assert generator is None
        latents = self.vae.encode(rearrange(pictures * 0.5 + 0.5, "n c h w -> n h w c"))
        if latents.ndim != 4:  # other channels are told apart where the model is known
            raise InvalidInput(
                f"The VAE gives latents {tuple(latents.shape)}, as those of videos are: wire that of Load "
                "Animate-X Encoders."
            )
        return latents.float() * LATENT_SCALE  # ComfyUI may keep them in 16 bits
