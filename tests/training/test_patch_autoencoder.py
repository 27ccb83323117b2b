"""The patch autoencoder: initialisation and files."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from animatex_core.checkpoints.safetensors_writer import tensor_layout, write_safetensors
from animatex_core.encoders.autoencoder import (
    SMALL_AUTOENCODER,
    AutoencoderConfig,
    StableDiffusionAutoencoder,
    autoencoder_metadata,
    bundled_config,
    network_on_meta,
)
from animatex_core.encoders.autoencoder_keys import diffusers_to_ldm, ldm_to_diffusers
from animatex_core.errors import InvalidInput, WrongCheckpoint
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.training.small_models import patch_autoencoder
from animatex_core.training.small_models.initialization import Components
from animatex_core.training.small_models.patch_autoencoder import PATCH_AUTOENCODER

CONFIG = AutoencoderConfig((48,), blocks=1, latent_channels=8, norm_groups=2, patch=8)
PICTURES = 8


@pytest.fixture(scope="module")
def linear() -> StableDiffusionAutoencoder:
    network = patch_autoencoder.linear_autoencoder(CONFIG, PICTURES)
    return StableDiffusionAutoencoder(network.eval(), patch=CONFIG.patch)


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    return torch.stack([patch_autoencoder.crop(96, 4 * number) for number in range(PICTURES)])


def test_it_is_initialised_as_a_projection_on_principal_components(
    linear: StableDiffusionAutoencoder, crops: torch.Tensor
) -> None:
    patches = F.pixel_unshuffle(crops, CONFIG.patch).permute(0, 2, 3, 1).flatten(0, 2)
    components = Components.of(patches, CONFIG.latent_channels)
    codes = (patches - components.mean) @ components.basis.T
    expected = F.mse_loss(codes @ components.basis + components.mean, patches)
    latents = linear.encode(crops)
    assert latents.shape == (PICTURES, 8, 12, 12)
    assert latents.std((0, 2, 3)).tolist() == pytest.approx([1.0] * 8, abs=0.01)
    found = F.mse_loss(linear.decode(latents), crops)
    assert found.item() == pytest.approx(expected.item(), rel=0.02)


def test_a_file_stores_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "autoencoder.safetensors"
    tensors = {"x": torch.zeros(1)}
    write_safetensors(path, tensor_layout(tensors), tensors.items(), autoencoder_metadata(CONFIG))
    assert bundled_config(path) == CONFIG
    assert bundled_config(BUNDLED_MODELS.autoencoder) == PATCH_AUTOENCODER


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"channels": [32], "patch": 3}', '{"channels": 5}'])
def test_unusable_sizes_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "autoencoder.safetensors"
    tensors = {"x": torch.zeros(1)}
    write_safetensors(path, tensor_layout(tensors), tensors.items(), {"config": text})
    with pytest.raises(WrongCheckpoint, match="unusable sizes"):
        bundled_config(path)


@pytest.mark.parametrize(("levels", "patch"), [(4, 8), (1, 1), (2, 8), (0, 8)])
def test_other_factors_than_eight_are_refused(levels: int, patch: int) -> None:
    with pytest.raises(InvalidInput, match="8 x 8 pixels"):
        AutoencoderConfig((32,) * levels, norm_groups=4, patch=patch)


@pytest.mark.parametrize("config", [CONFIG, replace(SMALL_AUTOENCODER, channels=(32, 32, 32, 32))])
def test_names_translate_there_and_back_at_any_number_of_levels(config: AutoencoderConfig) -> None:
    tensors = network_on_meta(config).state_dict()
    levels = len(config.channels)
    ldm = diffusers_to_ldm(tensors, levels)
    assert f"decoder.up.{levels - 1}.block.0.conv1.weight" in ldm
    back = ldm_to_diffusers(ldm, levels)
    assert {name: x.shape for name, x in back.items()} == {name: x.shape for name, x in tensors.items()}
    first = "decoder.up_blocks.0.resnets.0.conv1.weight"
    assert back[first] is tensors[first]
