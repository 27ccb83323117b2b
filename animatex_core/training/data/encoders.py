"""The networks that clips are encoded by, as files or generated."""

import torch

from ...encoders.autoencoder import StableDiffusionAutoencoder
from ...encoders.open_clip_encoder import OpenClipImageEncoder, OpenClipTextContext
from ...generated_networks import generated_networks
from ...models_folder import AUTOENCODERS, OPEN_CLIP, ModelsFolder
from .encode import Encoders


def load_encoders(folder: ModelsFolder, device: torch.device) -> Encoders:
    """Load OpenCLIP and the autoencoder in float32, in which the release runs them.

    Raises InvalidInput that says how to get a file that is not in the folder, and what the loaders raise.
    """
    open_clip, autoencoder = folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)
    return Encoders(
        image=OpenClipImageEncoder.from_file(open_clip, device=device),
        autoencoder=StableDiffusionAutoencoder.from_file(autoencoder, device=device),
        text_context=OpenClipTextContext.from_file(open_clip).empty_text(),
    )


def generated_encoders(device: torch.device) -> Encoders:
    """Return small networks that nobody trained, to try out the way."""
    networks = generated_networks(device=device)
    return Encoders(networks.image_encoder, networks.autoencoder, networks.text_context.cpu())
