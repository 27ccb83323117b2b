"""The networks of an animation."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from animatex_core.checkpoints.denoiser_file import load_denoiser
from animatex_core.encoders.autoencoder import StableDiffusionAutoencoder
from animatex_core.encoders.open_clip_encoder import OpenClipImageEncoder, OpenClipTextContext
from animatex_core.encoders.protocols import ImageEncoder, LatentDecoder
from animatex_core.model.unet import AnimateXUNet
from animatex_core.models_folder import AUTOENCODERS, OPEN_CLIP, ModelsFolder


@dataclass(frozen=True)
class Networks:
    """What the way from conditions to frames needs.

    text_context: (1, text_tokens, context_dim), the text encoder's answer to "".
    """

    unet: AnimateXUNet
    text_context: Tensor
    image_encoder: ImageEncoder
    decoder: LatentDecoder


def load_networks(folder: ModelsFolder, denoiser: Path, dtype: torch.dtype, device: torch.device) -> Networks:
    """Load the released networks for inference, the denoiser from a bundle or from its checkpoint.

    Raises InvalidInput for a file that is not in the folder, and what the loaders raise.
    """
    open_clip, autoencoder = folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)
    loaded = load_denoiser(denoiser, dtype, device)
    context = loaded.text_context
    if context is None:  # a released checkpoint leaves it to the text tower
        context = OpenClipTextContext.from_file(open_clip).empty_text().to(device, dtype)
    # The autoencoder's fp16 overflows; in float32 it is exact and, a frame at a time, small.
    return Networks(
        unet=loaded.unet,
        text_context=context,
        image_encoder=OpenClipImageEncoder.from_file(open_clip, dtype=dtype, device=device),
        decoder=StableDiffusionAutoencoder.from_file(autoencoder, device=device, batch_size=1),
    )
