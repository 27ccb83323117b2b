"""Small denoisers with generated weights, and conditions for them."""

import torch

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet

TINY_SHAPE = ClipShape(width=64, height=96, frames=3, num_downsamples=2)


def tiny_unet(config: DenoiserConfig | None = None, seed: int = 0) -> AnimateXUNet:
    """Build a denoiser for inference, by default of the tiny preset."""
    unet = AnimateXUNet(config or DenoiserConfig.tiny())
    init_random_weights(unet, seed)
    return unet.eval().requires_grad_(False)


def tiny_inputs(shape: ClipShape = TINY_SHAPE, batch: int = 1, seed: int = 0) -> ConditionInputs:
    """Build conditions of every kind for the tiny preset."""
    generator = torch.Generator().manual_seed(seed)
    frames, (height, width) = shape.frames, shape.latent_size

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator)

    def uniform(*size: int) -> torch.Tensor:
        return torch.rand(*size, generator=generator)

    return ConditionInputs(
        shape=shape,
        text_context=normal(1, 4, 64),
        image_embedding=normal(batch, 1, 64),
        reference_image=uniform(batch, 3, 1, shape.height, shape.width),
        reference_latents=normal(batch, 4, 1, height, width),
        pose_pictures=uniform(batch, 3, frames + 1, shape.height, shape.width),
        keypoints=uniform(batch, frames + 1, 2, 18),
        clip_features=normal(batch, frames + 1, 64),
    )


def tiny_latents(shape: ClipShape = TINY_SHAPE, batch: int = 1, seed: int = 1) -> torch.Tensor:
    """Draw noisy latents of a shape."""
    return torch.randn(shape.latents(batch), generator=torch.Generator().manual_seed(seed))
