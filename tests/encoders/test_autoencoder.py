import re
import sys

import pytest
import torch
from safetensors.torch import save_file

from animatex_core.encoders.autoencoder import AutoencoderConfig, StableDiffusionAutoencoder
from animatex_core.encoders.autoencoder_keys import FORMER_NAMES, PREFIX, ldm_to_diffusers
from animatex_core.errors import InvalidInput, MissingDependency, WrongCheckpoint
from tests.encoders.reference_autoencoder import released_tensors
from tests.support.equal_networks import assert_near, assert_same_weights

SMALL = AutoencoderConfig(channels=(32, 32, 64, 64), blocks=1)
PICTURES = torch.rand(5, 3, 24, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
LATENTS = torch.randn(5, 4, 3, 2, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def ldm():
    return released_tensors(SMALL)


@pytest.fixture(scope="module")
def autoencoder(ldm):
    return StableDiffusionAutoencoder.from_tensors(ldm, SMALL)


def _whole_checkpoint(ldm):
    inside = {f"{PREFIX}{key}": tensor for key, tensor in ldm.items()}
    return {"model.diffusion_model.out.0.bias": torch.zeros(1), **inside}


def _former_diffusers(ldm):
    tensors = {}
    for key, tensor in ldm_to_diffusers(ldm).items():
        for former, now in FORMER_NAMES:
            key = key.replace(now, former)
        tensors[key] = tensor
    return tensors


@torch.no_grad()
def test_mean_and_images_match_diffusers(autoencoder):
    mean = autoencoder.network.encode(PICTURES).latent_dist.mean
    torch.testing.assert_close(autoencoder.encode(PICTURES), mean * 0.18215)
    pictures = autoencoder.network.decode(LATENTS / 0.18215).sample
    torch.testing.assert_close(autoencoder.decode(LATENTS), pictures)


def test_a_generator_samples_the_posterior(autoencoder):
    mean, logvar = autoencoder.posterior(PICTURES)
    noise = torch.randn(5, 4, 3, 2, generator=torch.Generator().manual_seed(7))
    sample = autoencoder.encode(PICTURES, torch.Generator().manual_seed(7))
    torch.testing.assert_close(sample, (mean + logvar.mul(0.5).exp() * noise) * 0.18215)


@pytest.mark.parametrize("batch_size", [1, 3, 5, 100])
def test_results_do_not_depend_on_the_batch_size(autoencoder, batch_size):
    other = StableDiffusionAutoencoder(autoencoder.network, batch_size)
    samples = [codec.encode(PICTURES, torch.Generator().manual_seed(7)) for codec in (autoencoder, other)]
    torch.testing.assert_close(*samples)
    torch.testing.assert_close(other.decode(LATENTS), autoencoder.decode(LATENTS))


@pytest.mark.parametrize("size", [(8, 8), (8, 40), (64, 48)])
def test_any_multiple_of_eight(autoencoder, size):
    latents = autoencoder.encode(torch.zeros(1, 3, *size))
    assert latents.shape == (1, 4, size[0] // 8, size[1] // 8)
    assert autoencoder.decode(latents).shape == (1, 3, *size)


@pytest.mark.parametrize("size", [(12, 16), (16, 12), (4, 8)])
def test_other_sizes_are_rejected(autoencoder, size):
    with pytest.raises(InvalidInput, match=f"are {size[1]} x {size[0]} pixels"):
        autoencoder.encode(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(
    "form", [dict, _whole_checkpoint, ldm_to_diffusers, _former_diffusers], ids=lambda form: form.__name__
)
def test_every_form_of_the_weights_gives_the_same_network(autoencoder, ldm, form):
    other = StableDiffusionAutoencoder.from_tensors(form(ldm), SMALL)
    assert_same_weights(other.network, autoencoder.network)
    assert_near(other.decode(LATENTS), autoencoder.decode(LATENTS))
    assert_near(other.encode(PICTURES), autoencoder.encode(PICTURES))


def test_a_stable_diffusion_checkpoint_is_read(autoencoder, ldm, tmp_path):
    path = tmp_path / "v2-1_512-ema-pruned.ckpt"
    torch.save({"state_dict": _whole_checkpoint(ldm), "global_step": 1}, path)
    other = StableDiffusionAutoencoder.from_file(path, SMALL, batch_size=4)
    assert_same_weights(other.network, autoencoder.network)
    assert_near(other.encode(PICTURES[:1]), autoencoder.encode(PICTURES[:1]))


def test_a_diffusers_file_is_read_in_another_dtype(autoencoder, ldm, tmp_path):
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    save_file({key: tensor.half() for key, tensor in _former_diffusers(ldm).items()}, path)
    other = StableDiffusionAutoencoder.from_file(path, SMALL, dtype=torch.bfloat16)
    pictures = other.decode(LATENTS)
    assert next(other.network.parameters()).dtype == torch.bfloat16
    assert pictures.dtype == torch.float32
    torch.testing.assert_close(pictures, autoencoder.decode(LATENTS), atol=0.2, rtol=0.1)


def test_no_gradients_and_no_training(autoencoder):
    assert not autoencoder.network.training
    assert not autoencoder.decode(LATENTS.clone().requires_grad_()).requires_grad
    assert not autoencoder.encode(PICTURES.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("key", "shape", "named"),
    [
        ("loss.logvar", (1,), "1 unexpected (loss.logvar)"),
        ("decoder.up.0.block.0.norm1.bias", None, "1 missing (decoder.up.0.block.0.norm1.bias)"),
        ("encoder.mid.attn_1.q.weight", (64, 64), "attn_1.q.weight is (64, 64) instead of (64, 64, 1, 1)"),
    ],
)
def test_differences_are_named_as_in_the_file(ldm, key, shape, named):
    changed = {name: tensor for name, tensor in ldm.items() if name != key}
    if shape:
        changed[key] = torch.zeros(shape)
    with pytest.raises(WrongCheckpoint, match=re.escape(named)):
        StableDiffusionAutoencoder.from_tensors(changed, SMALL, source="vae.ckpt")


def test_another_model_is_rejected(ldm):
    with pytest.raises(WrongCheckpoint, match=r"x\.pth does not fit .*248 missing .*1 unexpected \(epoch\)"):
        StableDiffusionAutoencoder.from_tensors({"epoch": torch.zeros(1)}, source="x.pth")
    with pytest.raises(WrongCheckpoint, match="of another shape"):
        StableDiffusionAutoencoder.from_tensors(ldm, AutoencoderConfig((32, 64, 64, 64), 1))


def test_without_diffusers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingDependency, match="pip install open_clip_torch diffusers"):
        StableDiffusionAutoencoder.from_tensors({})
