"""A models folder with small files of the released names, keys and forms for Animate-X++."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import pytest
import sentencepiece
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, UMT5Config, UMT5EncoderModel

from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.part_configs import IpiConfig
from animatex_core.animate_x_plus.checkpoint import PlusFile, write_plus
from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.animate_x_plus.lora import LoraPair
from animatex_core.animate_x_plus.modules import PlusModules
from animatex_core.animate_x_plus.wan.keys import wan_shapes
from animatex_core.encoders.open_clip import OpenClipImageEncoder
from animatex_core.hub.models_dir import Variant
from tests.encoders.small_clip import SETTINGS

WAN = WanConfig(dim=128, ffn_dim=128, heads=1, blocks=6, text_dim=64, image_dim=80)
IPI = IpiConfig(
    width=32,
    tokens=1,
    clip_dim=64,
    encoder_layers=1,
    encoder_heads=2,
    encoder_hidden=32,
    resampler_layers=1,
    resampler_heads=2,
    resampler_head_dim=16,
)
SIMPLE = PlusConfig(dim=128, hidden=4, window_frames=9, position_rows=16)
CONFIGS: dict[Variant, PlusConfig] = {"simple": SIMPLE, "full": replace(SIMPLE, ipi=IPI)}
CLIP = "small-animatex-plus-release"
TEXT = ("a person is dancing before the sea", "a rabbit in the snow", "waves and clouds drift")
RANK, BASE_DIM = 3, 4
TEXT_SIZES = {
    "vocab_size": 96,
    "d_model": WAN.text_dim,
    "d_kv": 64,
    "d_ff": 96,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_proj": "gated-gelu",
}
IMAGE_SIZES = {
    "hidden_size": WAN.image_dim,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "image_size": 224,
    "patch_size": 14,
    "hidden_act": "gelu",
    "projection_dim": 64,
}


@dataclass(frozen=True)
class SmallWan:
    """Where the files lie."""

    folder: Path

    @property
    def transformer(self) -> Path:
        return self.folder / "diffusion_models" / "wan2.1_i2v_720p_14B_fp16.safetensors"

    @property
    def text_encoder(self) -> Path:
        return self.folder / "text_encoders" / "umt5_xxl_fp8_e4m3fn_scaled.safetensors"

    @property
    def image_encoder(self) -> Path:
        return self.folder / "clip_vision" / "clip_vision_h.safetensors"

    @property
    def autoencoder(self) -> Path:
        return self.folder / "vae" / "wan_2.1_vae.safetensors"

    @property
    def driving_encoder(self) -> Path:
        return self.folder / "clip_vision" / "open_clip_pytorch_model.bin"

    def modules(self, variant: Variant) -> Path:
        names: dict[Variant, str] = {"full": "animate-x-plus", "simple": "animate-x-plus-simple"}
        return self.folder / "animate_x" / f"{names[variant]}.safetensors"


def write_small_wan(folder: Path) -> SmallWan:
    """Write every file of both variants but OpenCLIP, which `expect_small_open_clip` writes."""
    files = SmallWan(folder)
    for path in (files.transformer, files.text_encoder, files.image_encoder, files.autoencoder):
        path.parent.mkdir(parents=True)
    save_file({key: value.half() for key, value in transformer_tensors().items()}, files.transformer)
    save_file(scaled(text_tensors()), files.text_encoder)
    save_file(image_tensors(), files.image_encoder)
    save_file(autoencoder_tensors(), files.autoencoder)
    files.modules("full").parent.mkdir()
    for variant, config in CONFIGS.items():
        write_plus(files.modules(variant), plus_file(config))
    return files


def expect_small_open_clip(files: SmallWan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a small OpenCLIP, and expect its sizes from now on."""
    vision = {"image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 56}
    path = files.folder / f"{CLIP}.json"
    path.write_text(json.dumps({**SETTINGS, "vision_cfg": vision}))
    open_clip.add_model_config(path)
    torch.manual_seed(0)
    torch.save(open_clip.CLIP(**open_clip.get_model_config(CLIP)).state_dict(), files.driving_encoder)
    encoder = OpenClipImageEncoder
    monkeypatch.setattr(encoder, "from_file", partial(encoder.from_file, config=CLIP))


def plus_file(config: PlusConfig, wan: WanConfig = WAN) -> PlusFile:
    """Return modules and a LoRA on two layers of each block of a transformer."""
    networks = PlusModules(config)
    init_random_weights(networks)
    with torch.no_grad():  # so that SiLU after SiLU leaves something of the picture
        for kernel in (p for p in networks.parameters() if p.ndim >= 4):
            kernel.mul_(2.5)
    draw = torch.Generator().manual_seed(1)
    lora = {
        f"blocks.{index}.{layer}": LoraPair(
            *(torch.randn(shape, generator=draw) / 8 for shape in ((RANK, wan.dim), (outputs, RANK)))
        )
        for index in range(wan.blocks)
        for layer, outputs in (("self_attn.q", wan.dim), ("ffn.0", wan.ffn_dim))
    }
    return PlusFile(config, dict(networks.state_dict()), lora)


def transformer_tensors(wan: WanConfig = WAN) -> dict[str, Tensor]:
    """Weights under the official names."""
    draw = torch.Generator().manual_seed(2)

    def weight(key: str, shape: tuple[int, ...]) -> Tensor:
        noise = torch.randn(shape, generator=draw)
        fan_in = noise[0].numel() if noise.ndim > 1 else 1
        return 1 + noise / 10 if ".norm" in key and noise.ndim == 1 else noise / (fan_in + 1) ** 0.5

    return {key: weight(key, shape) for key, shape in wan_shapes(wan).items()}


def text_tensors(sizes: Mapping[str, Any] = TEXT_SIZES) -> dict[str, Tensor]:
    """An encoder under the names of transformers, with its tokenizer, as files for ComfyUI have both."""
    tokenizer = small_tokenizer()
    state = generated(UMT5EncoderModel(UMT5Config(**sizes)))
    state.pop("encoder.embed_tokens.weight", None)
    return {**state, "spiece_model": torch.frombuffer(bytearray(tokenizer), dtype=torch.uint8).clone()}


def small_tokenizer() -> bytes:
    """A real model of sentencepiece with the ids of umT5."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def scaled(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keep the matrices in eight bits beside a scale, as ComfyUI's `scaled` files do."""
    written: dict[str, Tensor] = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn)}
    for key, tensor in tensors.items():
        if key == "shared.weight" or tensor.ndim != 2 or "relative" in key:
            written[key] = tensor.half() if tensor.is_floating_point() else tensor
            continue
        scale = tensor.abs().max() / 448
        written[key] = (tensor / scale).to(torch.float8_e4m3fn)
        written[key.replace(".weight", ".scale_weight")] = scale
    return written


def image_tensors(sizes: Mapping[str, Any] = IMAGE_SIZES) -> dict[str, Tensor]:
    """A tower with its projection, whose names begin with `vision_model.`."""
    return generated(CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes)))


def autoencoder_tensors(base_dim: int = BASE_DIM) -> dict[str, Tensor]:
    """A narrow autoencoder of the released depth under the official names."""
    state = generated(AutoencoderKLWan(base_dim=base_dim))
    return {official_name(key): tensor for key, tensor in state.items()}


def generated(network: nn.Module) -> dict[str, Tensor]:
    init_random_weights(network)
    return {key: tensor.clone() for key, tensor in network.state_dict().items()}


def official_name(key: str) -> str:
    """Return what Wan calls a weight of diffusers' autoencoder."""
    for theirs, official in _NAMES:
        key = re.sub(theirs, official, key)
    place = re.match(r"decoder\.up_blocks\.(\d)\.(resnets|upsamplers)\.(\d)\.(.*)", key)
    if place is not None:
        level, kind, index, rest = place.groups()
        number = 4 * int(level) + (int(index) if kind == "resnets" else 3)
        key = f"decoder.upsamples.{number}.{rest}"
    return key


_NAMES = (
    (r"^quant_conv", "conv1"),
    (r"^post_quant_conv", "conv2"),
    (r"\.conv_in\.", ".conv1."),
    (r"^(\w+)\.norm_out\.", r"\1.head.0."),
    (r"^(\w+)\.conv_out\.", r"\1.head.2."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2."),
    (r"(\.middle\.[02]|\.resnets\.\d|\.down_blocks\.\d+)\.norm1\.", r"\1.residual.0."),
    (r"(\.middle\.[02]|\.resnets\.\d|\.down_blocks\.\d+)\.conv1\.", r"\1.residual.2."),
    (r"(\.middle\.[02]|\.resnets\.\d|\.down_blocks\.\d+)\.norm2\.", r"\1.residual.3."),
    (r"(\.middle\.[02]|\.resnets\.\d|\.down_blocks\.\d+)\.conv2\.", r"\1.residual.6."),
    (r"\.conv_shortcut\.", ".shortcut."),
    (r"^encoder\.down_blocks\.", "encoder.downsamples."),
)
