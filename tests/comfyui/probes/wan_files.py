"""Wan's networks of ComfyUI beside those that the library makes of the same files: argv is its folder.

Prints JSON.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from animatex_core.animate_x_plus.wan import autoencoder as wan_autoencoder
from animatex_core.animate_x_plus.wan import encoders
from animatex_core.checkpoints.validation import check_keys, shapes
from tests.animate_x_plus.small_wan import (
    BASE_DIM,
    IMAGE_SIZES,
    TEXT_SIZES,
    autoencoder_tensors,
    image_tensors,
    text_tensors,
    write_small_wan,
)
from tests.comfyui.probes.model_setting import apart
from tests.comfyui.probes.pack import known_weights
from tests.comfyui.probes.reports import report

TEMPORARY = TemporaryDirectory()
FILES = write_small_wan(Path(TEMPORARY.name) / "models")

import comfy.clip_model  # noqa: E402 - known only from here on
import comfy.latent_formats  # noqa: E402
import comfy.ops  # noqa: E402
from comfy.ldm.wan.vae import WanVAE  # noqa: E402
from comfy.text_encoders.t5 import T5  # noqa: E402
from comfy.text_encoders.wan import UMT5XXlTokenizer  # noqa: E402

COMFY = Path(comfy.clip_model.__file__).parent
PROMPT = "a rabbit in the snow"
GENERATOR = torch.Generator().manual_seed(0)
OPERATIONS = comfy.ops.manual_cast


def t5(sizes: dict[str, Any], device: str = "cpu") -> Any:
    config = json.loads((COMFY / "text_encoders" / "umt5_config_xxl.json").read_text())
    return T5({**config, **sizes}, torch.float32, device, OPERATIONS)


def tower(sizes: dict[str, Any], device: str = "cpu") -> Any:
    config = json.loads((COMFY / "clip_vision_config_h.json").read_text())
    kind = comfy.clip_model.CLIPVisionModelProjection
    return kind({**config, **sizes}, torch.float32, device, OPERATIONS).eval()


def autoencoder(dim: int) -> Any:
    return WanVAE(
        dim=dim,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=[False, True, True],
        dropout=0.0,
    ).eval()


@torch.no_grad()
def text() -> dict[str, Any]:
    ours = encoders.WanTextEncoder.from_file(FILES.text_encoder, torch.float32)
    theirs = t5({key: value for key, value in TEXT_SIZES.items() if key != "feed_forward_proj"})
    state = dict(ours.network.state_dict())
    del state["encoder.embed_tokens.weight"]
    theirs.load_state_dict(state)
    tokens = ours.tokens(PROMPT)
    padded = torch.tensor([tokens + [0] * (512 - len(tokens))])
    states = theirs(padded, (padded > 0).float())[0] * (padded > 0)[..., None]
    tokenizer = UMT5XXlTokenizer(tokenizer_data={"spiece_model": text_tensors()["spiece_model"]})
    known = [token for token, _ in tokenizer.tokenize_with_weights(PROMPT)[0]]
    return {
        "states": apart(ours.encode(PROMPT), states),
        "spread": states.std().item(),
        "tokens": known == padded[0].tolist(),
    }


@torch.no_grad()
def image() -> dict[str, Any]:
    theirs = tower({key: value for key, value in IMAGE_SIZES.items() if key != "hidden_act"})
    theirs.load_state_dict(image_tensors())
    picture = torch.randn(1, 3, 224, 224, generator=GENERATOR)
    states = theirs(picture, intermediate_output=-2)[1]
    ours = encoders.WanImageEncoder.from_file(FILES.image_encoder)
    return {"states": apart(ours.encode(picture), states), "spread": states.std().item()}


@torch.no_grad()
def video() -> dict[str, Any]:
    theirs, form = autoencoder(BASE_DIM), comfy.latent_formats.Wan21()
    theirs.load_state_dict(autoencoder_tensors())
    ours = wan_autoencoder.WanAutoencoder.from_file(FILES.autoencoder, torch.float32)
    shown = torch.rand(1, 3, 9, 64, 48, generator=GENERATOR) * 2 - 1
    latents = form.process_in(theirs.encode(shown))
    frames = theirs.decode(form.process_out(latents)).clamp(-1, 1)
    return {
        "latents": apart(ours.encode(shown), latents),
        "frames": apart(ours.decode(latents), frames),
        "spread": frames.std().item(),
    }


def released_sizes() -> bool:
    """Whether what is built from shapes alone has every key of ComfyUI's networks at their real sizes."""
    with torch.device("meta"), known_weights():
        conds = t5({}, "meta").state_dict()
        seen = tower({}, "meta").vision_model.state_dict()
        coded = wan_autoencoder.diffusers_names(autoencoder(96).state_dict())
    encoder = shapes(encoders._text_network(conds, "").state_dict())
    del encoder["encoder.embed_tokens.weight"]
    check_keys(encoder, shapes(conds), "the text encoder")
    check_keys(shapes(encoders._image_network(seen, "").state_dict()), shapes(seen), "the image encoder")
    check_keys(shapes(wan_autoencoder._network(96).state_dict()), shapes(coded), "the autoencoder")
    return True


if __name__ == "__main__":
    report(text, image, video, released_sizes)
