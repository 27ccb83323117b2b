"""Runs one reference case of kind `autoencoder`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animatex_core.checkpoints.validation import shapes
from animatex_core.encoders.autoencoder import (
    LATENT_SCALE,
    AutoencoderConfig,
    StableDiffusionAutoencoder,
    network_on_meta,
)
from animatex_core.encoders.autoencoder_keys import diffusers_to_ldm
from tests.support.reference_weights import weight


def released_tensors(config: AutoencoderConfig) -> dict[str, Tensor]:
    """Deterministic weights under the release's names, without prefix."""
    names = shapes(diffusers_to_ldm(network_on_meta(config).state_dict()))
    return {key: torch.from_numpy(weight(key, shape)) for key, shape in names.items()}


def check_autoencoder_case(npz: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> None:
    """Encode `image` and decode `latent` of the case; the results must be the case's within its tolerance."""
    config = _config(settings["ddconfig"])
    autoencoder = StableDiffusionAutoencoder.from_tensors(released_tensors(config), config)
    mean, logvar = autoencoder.posterior(torch.from_numpy(npz["image"]))
    decoded = autoencoder.decode(torch.from_numpy(npz["latent"]) * LATENT_SCALE)
    for name, result in (("mean", mean), ("logvar", logvar), ("decoded", decoded)):
        np.testing.assert_allclose(result, npz[name], rtol=0, atol=settings["tolerance"], err_msg=name)


def _config(released: Mapping[str, Any]) -> AutoencoderConfig:
    first, second, third, fourth = (released["ch"] * factor for factor in released["ch_mult"])
    return AutoencoderConfig(
        (first, second, third, fourth), released["num_res_blocks"], released["z_channels"]
    )
