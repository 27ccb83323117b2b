"""Small bundles of random weights, with the sizes of the real one except for a smaller denoiser."""

from dataclasses import replace
from pathlib import Path

import open_clip
import torch
from torch import Tensor

from animatex_core.animate_x.checkpoint import DenoiserFile
from animatex_core.animate_x.components import CONFIG as GENERATED
from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.training_spec import TrainingSpec
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.encoders.autoencoder import SMALL_AUTOENCODER, AutoencoderConfig, network_on_meta
from animatex_core.hub.bundled import SmallBundle
from animatex_core.training.small_models.image_encoder import image_encoder_config
from animatex_core.training.small_models.pack import TrainedParts, pack
from tests.pose.generated_nets import generated_nets

WIDTH = 128  # of the image encoder's embeddings
TRAINED_ON = TrainingSpec(128, 192, 32, "both")
DENOISER = replace(GENERATED, context_dim=WIDTH).with_ipi(clip_dim=WIDTH)


PATCHES = AutoencoderConfig((32,), blocks=1, latent_channels=8, norm_groups=4, patch=8)


def generated_parts(
    config: DenoiserConfig = DENOISER, autoencoder: AutoencoderConfig = SMALL_AUTOENCODER
) -> TrainedParts:
    """Return what a training might give."""
    context = torch.linspace(-1, 1, config.text_tokens * config.context_dim)
    unet = AnimateXUNet(config)
    sizes = image_encoder_config()
    tower = _weights(open_clip.CustomTextCLIP(**sizes).visual)
    return TrainedParts(
        denoiser=DenoiserFile(config, _weights(unet), context.view(1, config.text_tokens, -1), TRAINED_ON),
        autoencoder=_weights(network_on_meta(autoencoder).to_empty(device="cpu")),
        image_encoder={f"visual.{name}": tensor for name, tensor in tower.items()},
        image_encoder_config=sizes,
        pose_nets=generated_nets().state_dict(),
        autoencoder_config=autoencoder,
    )


def write_small_bundle(folder: Path) -> SmallBundle:
    """Pack generated weights into a folder."""
    pack(generated_parts(), folder, "## Measured\n\nPSNR: -3 dB")
    return SmallBundle(folder)


def write_bundle_on_patches(folder: Path) -> SmallBundle:
    """Pack generated weights whose autoencoder sees patches, and whose denoiser knows the puppet."""
    config = replace(
        DENOISER,
        latent_channels=PATCHES.latent_channels,
        puppet=True,
        separate_conditions=True,
        pools_pictures=True,
        reference_keys=True,
    )
    pack(generated_parts(config, PATCHES), folder, "")
    return SmallBundle(folder)


def _weights(network: torch.nn.Module) -> dict[str, Tensor]:
    init_random_weights(network)
    return dict(network.state_dict())
