"""The core's noise as NOISE of ComfyUI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...animatex_core.diffusion.schedule import initial_noise
from ...animatex_core.errors import InvalidInput
from .layout import frames_of


@dataclass(frozen=True)
class ClipNoise:
    """Noise as the release draws it, with an offset that whole frames share. seed: 0..2^64 - 1."""

    seed: int
    offset_strength: float

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Draw noise for a LATENT's samples (f, c, h, w), float32 on the CPU."""
        found = tuple(latent["samples"].shape)
        if len(found) != 4:
            raise InvalidInput(
                f"The latents are {found}, but a clip is (frames, 4, height, width): wire the LATENT of the "
                "node Animate-X Conditioning."
            )
        frames, channels, height, width = found
        shape = 1, channels, frames, height, width
        return frames_of(initial_noise(shape, self.seed, self.offset_strength))
