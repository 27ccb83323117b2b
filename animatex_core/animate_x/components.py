"""The networks of an animation, loaded from files or small ones with random weights."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoints.validation import load_strictly
from ..encoders.autoencoder import (
    AutoencoderConfig,
    StableDiffusionAutoencoder,
    bundled_config,
    network_on_meta,
)
from ..encoders.base import ImageEncoder, LatentCodec
from ..encoders.open_clip import OpenClipImageEncoder, OpenClipTextContext, read_open_clip_config
from ..encoders.preprocessing import CLIP_SIDE
from ..hub.bundled import SmallBundle
from ..hub.models_dir import AUTOENCODERS, OPEN_CLIP, ModelsDir
from .checkpoint import DenoiserFile, load_denoiser
from .config import DenoiserConfig
from .part_configs import IpiConfig
from .training_spec import RELEASED, TrainingSpec
from .unet import AnimateXUNet


@dataclass(frozen=True)
class PipelineComponents:
    """What the way from conditions to frames needs.

    text_context: (1, text_tokens, context_dim), the text encoder's answer to "".
    """

    unet: AnimateXUNet
    text_context: Tensor
    image_encoder: ImageEncoder
    autoencoder: LatentCodec
    trained_on: TrainingSpec = RELEASED


@dataclass(frozen=True)
class OnDeviceImageEncoder:
    """`protocols.ImageEncoder` that is on a device only while it works: the denoiser needs the memory."""

    encoder: OpenClipImageEncoder
    device: torch.device

    def encode(self, pictures: Tensor) -> Tensor:
        """(n, 3, 224, 224) -> (n, 1024), where `pictures` are."""
        home = next(self.encoder.tower.parameters()).device
        self.encoder.tower.to(self.device)
        try:
            return self.encoder.encode(pictures)
        finally:
            self.encoder.tower.to(home)


def require_files(folder: ModelsDir) -> None:
    """Raise InvalidInput that says how to get what a folder lacks beside the denoiser."""
    folder.require(OPEN_CLIP)
    folder.require(*AUTOENCODERS)


def load_components(
    folder: ModelsDir, denoiser: Path, dtype: torch.dtype, device: torch.device
) -> PipelineComponents:
    """Load the official models for inference.

    Args:
        folder: The models directory.
        denoiser: A converted file or the official checkpoint.
        dtype: Of the denoiser's weights. The encoders stay in float32, as in the official code.
        device: Where the models are.

    Returns:
        The models.

    Raises:
        InvalidInput: A file is not in the directory.
        CheckpointError: A file cannot be used.

    """
    open_clip, autoencoder = folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)
    loaded = load_denoiser(denoiser, dtype, device)
    context = loaded.text_context
    if context is None:  # a released checkpoint leaves it to the text tower
        context = OpenClipTextContext.from_file(open_clip).empty_text().to(device, dtype)
    return PipelineComponents(
        unet=loaded.unet,
        text_context=context,
        image_encoder=OnDeviceImageEncoder(OpenClipImageEncoder.from_file(open_clip), device),
        autoencoder=StableDiffusionAutoencoder.from_file(autoencoder, device=device, batch_size=1),
        trained_on=loaded.trained_on,
    )


def load_small(bundle: SmallBundle, dtype: torch.dtype, device: torch.device) -> PipelineComponents:
    """Load the small built-in models for inference.

    Args:
        bundle: Their files.
        dtype: Of the denoiser's weights; the encoders are in float32.
        device: Where the models are.

    Returns:
        The models.

    Raises:
        CheckpointError: A file is damaged, or the files do not belong together.

    """
    loaded = load_denoiser(bundle.denoiser, dtype, device)
    assert loaded.text_context is not None
    sizes = read_open_clip_config(bundle.image_encoder_config)
    autoencoder = StableDiffusionAutoencoder.from_file(
        bundle.autoencoder, bundled_config(bundle.autoencoder), device=device, batch_size=1
    )
    return PipelineComponents(
        unet=loaded.unet,
        text_context=loaded.text_context,
        image_encoder=OpenClipImageEncoder.from_file(bundle.image_encoder, sizes, device=device),
        autoencoder=autoencoder,
        trained_on=loaded.trained_on,
    )


NOTICE = (
    "These weights are random, not trained: the video only shows that everything runs, and its content is "
    "meaningless."
)
CONFIG = DenoiserConfig(
    channels=16,
    multipliers=(1, 1, 2, 2),
    residual_blocks=1,
    attention_levels=(3,),
    head_dim=16,
    stem_heads=2,
    norm_groups=16,
    context_dim=64,
    text_tokens=4,
    ipi=IpiConfig.tiny(),
)
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
