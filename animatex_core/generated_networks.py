"""A whole set of small networks that nobody trained: enough to see that everything runs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .checkpoints.denoiser_file import DenoiserFile
from .checkpoints.strict import load_strictly
from .encoders.autoencoder import AutoencoderConfig, StableDiffusionAutoencoder, network_on_meta
from .encoders.preprocess import CLIP_SIDE
from .model.config import DenoiserConfig, IpiConfig
from .model.generated import generate_weights
from .model.unet import AnimateXUNet
from .networks import Networks

NOTICE = (
    "These weights are generated, not trained: the clip shows that everything runs, and its picture means "
    "nothing."
)
CONFIG = DenoiserConfig(
    channels=16, multipliers=(1, 1, 2, 2), residual_blocks=1, attention_levels=(3,), head_dim=16,
    stem_heads=2, norm_groups=16, context_dim=64, text_tokens=4,
    ipi=IpiConfig(
        width=64, clip_dim=64, encoder_layers=1, encoder_heads=2, encoder_hidden=64,
        resampler_layers=2, resampler_heads=2, resampler_head_dim=32,
    ),
)  # fmt: skip
PATCH = 32


def generated_networks(
    seed: int = 0, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Networks:
    """Build networks of the released form and of small sizes. dtype: of the denoiser's weights."""
    file = generated_denoiser(seed)
    assert file.text_context is not None
    unet = AnimateXUNet(CONFIG, device="meta")
    return Networks(
        unet=load_strictly(unet, file.tensors, "the generated denoiser", dtype=dtype, device=device),
        text_context=file.text_context.to(device, dtype),
        image_encoder=PatchEncoder(_image_network(seed).to(device)),
        autoencoder=_autoencoder(seed, device),
    )


def generated_denoiser(seed: int = 0) -> DenoiserFile:
    """Generate what a denoiser's file would hold, in float32."""
    unet = AnimateXUNet(CONFIG)
    generate_weights(unet, seed)
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(1, CONFIG.text_tokens, CONFIG.context_dim, generator=generator)
    return DenoiserFile(CONFIG, dict(unet.state_dict()), context)


@dataclass(frozen=True)
class PatchEncoder:
    """`protocols.ImageEncoder` of one layer: the mean over a picture's patches."""

    network: nn.Module

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """(n, 3, 224, 224) -> (n, clip_dim), where `pictures` are."""
        return self.network(pictures.to(next(self.network.parameters()).device)).to(pictures.device)


def _image_network(seed: int) -> nn.Module:
    assert CONFIG.ipi is not None
    patches = nn.Conv2d(3, CONFIG.ipi.clip_dim, PATCH, stride=PATCH)
    network = nn.Sequential(patches, nn.AvgPool2d(CLIP_SIDE // PATCH), nn.Flatten())
    generate_weights(network, seed)
    return network


def _autoencoder(seed: int, device: torch.device | str) -> StableDiffusionAutoencoder:
    config = AutoencoderConfig(channels=(32, 32, 32, 32), blocks=1)
    network = network_on_meta(config).to_empty(device="cpu")
    generate_weights(network, seed)
    return StableDiffusionAutoencoder.from_tensors(network.state_dict(), config, device=device)
