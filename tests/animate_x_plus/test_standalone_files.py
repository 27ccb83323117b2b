"""Wan's networks from files as ComfyUI has them."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, UMT5Config, UMT5EncoderModel

from animatex_core.animate_x_plus import components
from animatex_core.animate_x_plus.checkpoint import load_plus
from animatex_core.animate_x_plus.config import WanConfig
from animatex_core.animate_x_plus.lora import LoraPair
from animatex_core.animate_x_plus.teacache import TeaCache
from animatex_core.animate_x_plus.wan.autoencoder import WanAutoencoder
from animatex_core.animate_x_plus.wan.encoders import WanImageEncoder, WanTextEncoder, clean_prompt
from animatex_core.animate_x_plus.wan.keys import diffusers_name, to_diffusers, wan_shapes
from animatex_core.animate_x_plus.wan.transformer import WanInputs, predict
from animatex_core.animate_x_plus.wan.weights import config_from_weights, load_wan_file
from animatex_core.errors import Cancelled, MissingDependency, WrongCheckpoint
from tests.animate_x_plus.samples import drawn
from tests.animate_x_plus.small_wan import (
    BASE_DIM,
    IMAGE_SIZES,
    TEXT_SIZES,
    WAN,
    SmallWan,
    autoencoder_tensors,
    image_tensors,
    text_tensors,
    transformer_tensors,
)
from tests.support.equal_networks import assert_near

PROMPT = "a rabbit in the snow"


def text_encoder(path: Path) -> WanTextEncoder:
    return WanTextEncoder.from_file(path, torch.float32)


@pytest.fixture(scope="module")
def autoencoder(small_wan: SmallWan) -> WanAutoencoder:
    return WanAutoencoder.from_file(small_wan.autoencoder, torch.float32)


def test_a_text_is_what_transformers_makes_of_512_tokens_zero_past_its_end(tmp_path: Path) -> None:
    save_file(text_tensors(), tmp_path / "text.safetensors")
    encoder = text_encoder(tmp_path / "text.safetensors")
    tokens = encoder.tokens(PROMPT)
    filled = torch.tensor([tokens + [0] * (512 - len(tokens))])
    model = UMT5EncoderModel(UMT5Config(**TEXT_SIZES)).eval()
    weights = {key: tensor for key, tensor in text_tensors().items() if key != "spiece_model"}
    model.load_state_dict(weights, strict=False)
    with torch.no_grad():
        states = model(filled, (filled > 0).long()).last_hidden_state
    states[:, len(tokens) :] = 0
    assert tokens[-1] == 1
    torch.testing.assert_close(encoder.encode(PROMPT), states, atol=2e-5, rtol=0)


def test_scaled_eight_bits_are_nearly_the_weights_that_they_were_made_of(small_wan: SmallWan) -> None:
    found = text_encoder(small_wan.text_encoder).network.state_dict()
    whole = text_tensors()
    assert set(whole) - set(found) == {"spiece_model"}
    for key in set(whole) & set(found):
        difference = (found[key] - whole[key]).norm() / whole[key].norm()
        assert difference < 0.04, key


def test_a_long_prompt_is_truncated_and_keeps_its_end_token(small_wan: SmallWan) -> None:
    tokens = text_encoder(small_wan.text_encoder).tokens("waves " * 400)
    assert len(tokens) == 512
    assert tokens[-1] == 1


def test_a_prompt_is_cleaned() -> None:
    assert clean_prompt("  the sea&amp;amp;sky \n at\tnight ") == "the sea&sky at night"


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({}, "contains no tokenizer"),
        ({"spiece_model": torch.zeros(9)}, "contains no tokenizer"),
        ({"spiece_model": torch.arange(99, dtype=torch.uint8)}, "contains a damaged tokenizer"),
    ],
)
def test_a_text_encoder_without_its_tokenizer_is_rejected(
    tmp_path: Path, stored: dict[str, Tensor], message: str
) -> None:
    tensors = text_tensors()
    del tensors["spiece_model"]
    save_file(tensors | stored, tmp_path / "text.safetensors")
    with pytest.raises(WrongCheckpoint, match=message):
        text_encoder(tmp_path / "text.safetensors")


def test_a_missing_package_is_named_with_what_installs_it(
    small_wan: SmallWan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MissingDependency, match=r"sentencepiece cannot be imported .* run `pip install"):
        text_encoder(small_wan.text_encoder)


def test_the_image_encoder_returns_the_states_before_its_last_block(small_wan: SmallWan) -> None:
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**IMAGE_SIZES)).eval()
    model.load_state_dict(image_tensors())
    picture = drawn(1, 3, 224, 224)
    with torch.no_grad():
        states = model(pixel_values=picture, output_hidden_states=True).hidden_states[-2]
    features = WanImageEncoder.from_file(small_wan.image_encoder).encode(picture)
    assert features.shape == (1, 257, WAN.image_dim)
    torch.testing.assert_close(features, states, atol=2e-6, rtol=0)


def test_latents_are_normalised_means_and_come_back(autoencoder: WanAutoencoder) -> None:
    network = AutoencoderKLWan(base_dim=BASE_DIM).eval()
    network.load_state_dict(autoencoder.network.state_dict())
    video = drawn(1, 3, 5, 32, 48).tanh()
    latents = autoencoder.encode(video)
    mean = torch.tensor(network.config.latents_mean).view(1, -1, 1, 1, 1)
    deviation = torch.tensor(network.config.latents_std).view(1, -1, 1, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(latents * deviation + mean, network.encode(video).latent_dist.mean)
        pictures = network.decode(latents * deviation + mean).sample
    torch.testing.assert_close(autoencoder.decode(latents), pictures)


def test_official_keys_are_those_of_wan() -> None:
    official = autoencoder_tensors()
    for key in (
        "conv1.weight",
        "encoder.conv1.weight",
        "encoder.downsamples.0.residual.0.gamma",
        "encoder.downsamples.5.time_conv.weight",
        "encoder.middle.1.to_qkv.weight",
        "encoder.head.2.bias",
        "decoder.upsamples.3.resample.1.weight",
        "decoder.upsamples.4.shortcut.weight",
        "decoder.upsamples.14.residual.6.bias",
    ):
        assert key in official


def test_large_images_are_decoded_in_tiles_with_progress(autoencoder: WanAutoencoder) -> None:
    latents = drawn(1, 16, 2, 32, 4) / 10
    told: list[tuple[int, int]] = []
    pictures = autoencoder.decode(latents, lambda *so_far: told.append(so_far))
    assert pictures.shape == (1, 3, 5, 256, 32)
    assert told == [(done, 6) for done in range(1, 7)]  # three rows of tiles, two latent frames each
    with torch.no_grad():
        mean, deviation = autoencoder._statistics
        whole = autoencoder.network.decode(latents * deviation + mean).sample
    assert 0 < (pictures - whole).abs().mean() < 0.05


def test_cancelled_decoding_restores_the_network(autoencoder: WanAutoencoder) -> None:
    latents = drawn(1, 16, 2, 4, 4)
    whole = autoencoder.decode(latents)

    def stop(done: int, total: int) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        autoencoder.decode(latents, stop)
    assert not autoencoder.network.decoder._forward_hooks
    assert torch.equal(autoencoder.decode(latents), whole)


def test_the_lora_is_merged_where_it_belongs(small_wan: SmallWan) -> None:
    lora = load_plus(small_wan.modules("simple")).lora
    found = load_wan_file(small_wan.transformer, lora, torch.float32).state_dict()
    for key, tensor in transformer_tensors().items():
        pair = lora.get(key.removesuffix(".weight"))
        added = 0 if pair is None else pair.up.float() @ pair.down.float()
        torch.testing.assert_close(found[diffusers_name(key)], tensor.half().float() + added)


def test_a_transformer_in_eight_bits_under_a_prefix(tmp_path: Path) -> None:
    eight = {
        f"model.diffusion_model.{key}": tensor.to(torch.float8_e4m3fn if tensor.ndim == 2 else torch.half)
        for key, tensor in transformer_tensors().items()
    }
    save_file(eight, tmp_path / "wan.safetensors")
    found = load_wan_file(tmp_path / "wan.safetensors", {}, torch.bfloat16).state_dict()
    key = "blocks.0.self_attn.q.weight"
    assert torch.equal(found[diffusers_name(key)], eight[f"model.diffusion_model.{key}"].bfloat16())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_embedding.weight": torch.zeros(128, 16, 1, 2, 2)}, "16 input channels"),
        ({"patch_embedding.weight": None}, r"lacks patch_embedding.weight"),
        ({"img_emb.proj.0.weight": None}, "lacks condition_embedder.image_embedder"),
        ({"blocks.3.ffn.2.weight": None}, r"1 missing \(blocks.3.ffn"),
        ({"vace_blocks.0.weight": torch.zeros(1)}, "1 unexpected"),
    ],
)
def test_other_transformers_are_rejected(
    small_wan: SmallWan, tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    tensors: dict[str, Any] = {**load_file(small_wan.transformer), **change}
    save_file({key: x for key, x in tensors.items() if x is not None}, tmp_path / "wan.safetensors")
    with pytest.raises(WrongCheckpoint, match=message):
        load_wan_file(tmp_path / "wan.safetensors", {})


def test_a_lora_of_another_transformer_is_rejected(small_wan: SmallWan) -> None:
    lora = {"blocks.9.ffn.0": LoraPair(torch.zeros(2, 128), torch.zeros(128, 2))}
    with pytest.raises(WrongCheckpoint, match="that the transformer lacks"):
        load_wan_file(small_wan.transformer, lora)


def test_layers_that_are_copied_one_by_one_compute_the_same(small_wan: SmallWan) -> None:
    transformer = load_wan_file(small_wan.transformer, {}, torch.float32)
    inputs = WanInputs(drawn(1, 512, 64), drawn(1, 257, 80, seed=1), drawn(1, 20, 2, 4, 4, seed=2))
    latents, timesteps = drawn(1, 16, 2, 4, 4, seed=3), torch.tensor([700.0])

    def velocity(cache: TeaCache | None = None) -> Tensor:
        with torch.no_grad():
            return predict(transformer, latents, timesteps, inputs, cache)

    plain = velocity()
    with components.streamed(transformer, torch.device("cpu")):
        assert next(transformer.parameters()).is_meta
        assert_near(velocity(), plain)  # copies are aligned, what is mapped from the file is not
        cache = TeaCache(3, threshold=1e9)
        assert all((velocity(cache) - plain).abs().max() < 1e-5 for _ in range(3))
    assert_near(velocity(), plain)


def test_a_network_visits_whole_where_it_fits_and_else_layer_by_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere, network = torch.device("cpu", 0), torch.nn.Linear(2, 2)  # no equal of "cpu" to torch
    for whole in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(components, "fits", lambda *_, whole=whole: whole)
            with components.on_device(network, elsewhere):
                assert network.weight.is_meta == (not whole)
        assert network.weight.device == torch.device("cpu")
    assert components.fits(network, elsewhere, 10**15)


def test_what_is_as_large_as_the_release_is_told_from_the_shapes() -> None:
    shapes = wan_shapes(WanConfig.released()).items()
    tensors = {key: torch.empty(shape, device="meta") for key, shape in shapes}
    assert config_from_weights(to_diffusers(tensors), "the file") == WanConfig.released()
