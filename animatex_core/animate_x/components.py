"""The networks of an animation."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..encoders.autoencoder import StableDiffusionAutoencoder, bundled_config
from ..encoders.base import ImageEncoder, LatentCodec
from ..encoders.open_clip import OpenClipImageEncoder, OpenClipTextContext, read_open_clip_config
from ..hub.bundled import SmallBundle
from ..hub.models_dir import AUTOENCODERS, OPEN_CLIP, ModelsDir
from .checkpoint import load_denoiser
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
    """Load the released networks for inference, the denoiser from a bundle or from its checkpoint.

    dtype: of the denoiser's weights. The encoders stay in float32, in which the release runs them.
    Raises InvalidInput for a file that is not in the folder, and what the loaders raise.
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
    """Load the networks of a small bundle for inference; dtype: of the denoiser's weights.

    Raises what the loaders raise for files that are damaged or do not belong together.
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
