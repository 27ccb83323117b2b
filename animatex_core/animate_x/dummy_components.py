"""Small networks with random weights, to check that everything runs without any files."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..checkpoints.validation import load_strictly
from ..encoders.autoencoder import AutoencoderConfig, StableDiffusionAutoencoder, network_on_meta
from ..encoders.preprocessing import CLIP_SIDE
from .checkpoint import DenoiserFile
from .components import PipelineComponents
from .config import DenoiserConfig, IpiConfig
from .unet import AnimateXUNet

NOTICE = (
    "These weights are random, not trained: the video only shows that everything runs, and its content is "
    "meaningless."
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


def dummy_components(
    seed: int = 0, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> PipelineComponents:
    """Build small networks of the official architecture; `dtype` is that of the denoiser."""
    file = dummy_denoiser(seed)
    assert file.text_context is not None
    unet = AnimateXUNet(CONFIG, device="meta")
    return PipelineComponents(
        unet=load_strictly(unet, file.tensors, "the dummy denoiser", dtype=dtype, device=device),
        text_context=file.text_context.to(device, dtype),
        image_encoder=PatchEncoder(_image_network(seed).to(device)),
        autoencoder=_autoencoder(seed, device),
    )


def dummy_denoiser(seed: int = 0) -> DenoiserFile:
    """Return the contents of a denoiser file with random weights, in float32."""
    unet = AnimateXUNet(CONFIG)
    init_random_weights(unet, seed)
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(1, CONFIG.text_tokens, CONFIG.context_dim, generator=generator)
    return DenoiserFile(CONFIG, dict(unet.state_dict()), context)


@dataclass(frozen=True)
class PatchEncoder:
    """A `base.ImageEncoder` of one layer: the mean over embedded patches."""

    network: nn.Module

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Embed images (n, 3, 224, 224): (n, clip_dim) on their device."""
        return self.network(images.to(next(self.network.parameters()).device)).to(images.device)


def _image_network(seed: int) -> nn.Module:
    assert CONFIG.ipi is not None
    patches = nn.Conv2d(3, CONFIG.ipi.clip_dim, PATCH, stride=PATCH)
    network = nn.Sequential(patches, nn.AvgPool2d(CLIP_SIDE // PATCH), nn.Flatten())
    init_random_weights(network, seed)
    return network


def _autoencoder(seed: int, device: torch.device | str) -> StableDiffusionAutoencoder:
    config = AutoencoderConfig(channels=(32, 32, 32, 32), blocks=1)
    network = network_on_meta(config).to_empty(device="cpu")
    init_random_weights(network, seed)
    return StableDiffusionAutoencoder.from_tensors(network.state_dict(), config, device=device)


def init_random_weights(module: nn.Module, seed: int = 0) -> None:
    """Initialise a module in place so that all parts have an effect and activations keep their scale.

    Matrices and kernels: N(0, 1 / fan-in). Gains of norms: 1 + 0.1 N(0, 1). Other vectors: 0.1 N(0, 1).
    Drawn on the CPU in float32, so a seed gives the same weights on every device and, up to rounding, in
    every dtype.

    Args:
        module: The module to initialise.
        seed: Seed of the weights.

    """
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                values = noise / parameter[0].numel() ** 0.5
            else:
                values = 0.1 * noise + (1 if "norm" in name and name.endswith("weight") else 0)
            parameter.copy_(values)
