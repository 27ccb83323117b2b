"""What is there without a download: the small trained networks or, where their files lack, generated ones."""

import torch

from . import generated_networks, small_bundle
from .checkpoints.denoiser_file import DenoiserFile, read_denoiser
from .networks import Networks, load_small


def built_in_notice() -> str:
    """Say what to expect of them."""
    return generated_networks.NOTICE if small_bundle.shipped() is None else small_bundle.NOTICE


def built_in_networks(dtype: torch.dtype, device: torch.device) -> Networks:
    """Load all but the pose nets; dtype: of the denoiser's weights."""
    bundle = small_bundle.shipped()
    if bundle is None:
        return generated_networks.generated_networks(dtype=dtype, device=device)
    return load_small(bundle, dtype, device)


def built_in_denoiser() -> DenoiserFile:
    """Return the denoiser's file."""
    bundle = small_bundle.shipped()
    return generated_networks.generated_denoiser() if bundle is None else read_denoiser(bundle.denoiser)
