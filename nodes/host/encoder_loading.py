"""ComfyUI's CLIP_VISION and VAE from files, read without executing a pickle, and the small built-in ones."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from comfy.clip_vision import ClipVisionModel, convert_to_transformers, load_clipvision_from_sd
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.model_patcher import ModelPatcher
from comfy.sd import VAE
from torch import Tensor

from ...animatex_core.checkpoints.safe_load import open_tensors
from ...animatex_core.checkpoints.validation import check_keys, shapes
from ...animatex_core.encoders.autoencoder import WHAT, AutoencoderConfig, bundled_config
from ...animatex_core.encoders.autoencoder_keys import (
    current_diffusers_names,
    diffusers_to_ldm,
    has_ldm_names,
    without_prefix,
)
from ...animatex_core.encoders.open_clip import read_open_clip_config
from ...animatex_core.errors import WrongCheckpoint
from ...animatex_core.hub.bundled import SmallBundle
from ...animatex_core.utils.text import reason_of
from .video import scratch
from .weights import FullLayers, mapped_by_comfyui, remember_loader

OPEN_CLIP_VISION = "visual."  # begins the keys of the vision tower in OpenCLIP's own file
_CLIP, _CHOOSE = "CLIP vision", "choose open_clip_pytorch_model.bin, OpenCLIP ViT-H-14"
_UNUSABLE = (LookupError, NameError, RuntimeError)  # what ComfyUI raises for weights of other sizes
PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # the rest is of training


def load_clip_vision(path: Path) -> ClipVisionModel:
    """Load a CLIP_VISION from a file in any of the forms that ComfyUI knows."""
    tensors = _opened(path)
    if any(key.startswith(OPEN_CLIP_VISION) for key in tensors):
        tensors = convert_to_transformers(tensors, OPEN_CLIP_VISION)
    found = shapes(tensors)
    try:
        model = load_clipvision_from_sd(tensors)
    except _UNUSABLE as error:
        raise WrongCheckpoint(f"{path} does not fit {_CLIP} ({reason_of(error)}): {_CHOOSE}.") from error
    if model is None:
        raise WrongCheckpoint(f"{path} holds no image encoder of CLIP: {_CHOOSE}.")
    # ComfyUI only logs what is missing, and leaves it to chance.
    expected = _clip_vision_shapes(model)
    check_keys(expected, {key: found[key] for key in expected if key in found}, _CLIP, str(path))
    remember_loader(model.patcher, _patcher, load_clip_vision, path)
    return model


def load_vae(path: Path) -> VAE:
    """Load the autoencoder of Stable Diffusion, alone or out of a checkpoint, of which no more is kept."""
    found = without_prefix(_opened(path), path)
    tensors = found if has_ldm_names(found) else diffusers_to_ldm(current_diffusers_names(found))
    tensors = {key: tensor for key, tensor in tensors.items() if key.startswith(PARTS)}
    with torch.device("meta"):
        expected = AutoencoderKL(**_sizes(128, (1, 2, 4, 4), 2)).state_dict()
    check_keys(shapes(expected), shapes(tensors), WHAT, str(path))
    vae = VAE(sd=tensors)
    remember_loader(vae.patcher, _patcher, load_vae, path)
    return vae


def small_clip_vision(bundle: SmallBundle) -> ClipVisionModel:
    """Load the CLIP_VISION of a small bundle."""
    settings = read_open_clip_config(bundle.image_encoder_config)
    with scratch() as folder:  # ComfyUI takes sizes from a file alone
        path = folder / "clip_vision.json"
        path.write_text(json.dumps(_transformers_sizes(settings)), encoding="utf-8")
        encoder = ClipVisionModel(path)
    tensors = convert_to_transformers(_opened(bundle.image_encoder), OPEN_CLIP_VISION)
    check_keys(_clip_vision_shapes(encoder), shapes(tensors), _CLIP, str(bundle.image_encoder))
    encoder.load_sd(tensors)
    remember_loader(encoder.patcher, _patcher, small_clip_vision, bundle)
    return encoder


def small_vae(bundle: SmallBundle) -> VAE:
    """Load the VAE of a small bundle."""
    config = bundled_config(bundle.autoencoder)
    narrowest = config.channels[0]
    multipliers = tuple(width // narrowest for width in config.channels)
    sizes = _sizes(narrowest, multipliers, config.blocks, config.latent_channels, config.picture_channels)
    tensors = diffusers_to_ldm(_opened(bundle.autoencoder), len(config.channels))
    with torch.device("meta"):
        expected = shapes(AutoencoderKL(**sizes).state_dict())
    check_keys(expected, shapes(tensors), WHAT, str(bundle.autoencoder))
    vae = VAE(sd=tensors, config={"params": sizes})
    for module in vae.first_stage_model.modules():
        if isinstance(module, torch.nn.GroupNorm):  # which ComfyUI builds with Stable Diffusion's 32 alone
            module.num_groups = config.norm_groups
    _see_patches(vae, config)
    remember_loader(vae.patcher, _patcher, small_vae, bundle)
    return vae


def _see_patches(vae: VAE, config: AutoencoderConfig) -> None:
    """Let a VAE fold pictures into patches before its encoder, and unfold what its decoder gives."""
    vae.latent_channels = config.latent_channels
    network = vae.first_stage_model
    network.encoder.register_forward_pre_hook(partial(_folded, config.patch))
    network.decoder.register_forward_hook(partial(_unfolded, config.patch))


def _folded(patch: int, _encoder: object, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    pictures, *others = inputs
    return F.pixel_unshuffle(pictures, patch), *others


def _unfolded(patch: int, _decoder: object, _inputs: object, pictures: Tensor) -> Tensor:
    return F.pixel_shuffle(pictures, patch)


def _patcher(
    load: Callable[[Any], ClipVisionModel | VAE], source: Any, *, disable_dynamic: bool = False
) -> ModelPatcher:
    # As in ComfyUI's own function for it, the class of an encoder's patcher cannot be chosen.
    return load(source).patcher


def _opened(path: Path) -> dict[str, Tensor]:
    return mapped_by_comfyui(path, open_tensors(path))


def _clip_vision_shapes(encoder: ClipVisionModel) -> dict[str, tuple[int, ...]]:
    """Return keys and shapes of the network, which its layers need not know before they are loaded."""
    config = getattr(encoder, "config", None)
    if config is None:  # an older ComfyUI, whose layers know
        return shapes(encoder.get_sd())
    network = type(encoder.model)(config, encoder.dtype, torch.device("meta"), FullLayers)
    return shapes(network.state_dict())


def _transformers_sizes(settings: dict[str, Any]) -> dict[str, object]:
    """Return sizes of OpenCLIP's vision tower as ComfyUI wants them, which is as transformers has them."""
    vision = settings["vision_cfg"]
    return {
        "model_type": "clip_vision_model",
        "hidden_act": "gelu",
        "hidden_size": vision["width"],
        "image_size": vision["image_size"],
        "intermediate_size": int(vision["width"] * vision["mlp_ratio"]),
        "layer_norm_eps": 1e-5,
        "num_attention_heads": vision["width"] // vision["head_width"],
        "num_channels": 3,
        "num_hidden_layers": vision["layers"],
        "patch_size": vision["patch_size"],
        "projection_dim": settings["embed_dim"],
    }


def _sizes(
    channels: int, multipliers: tuple[int, ...], blocks: int, latents: int = 4, pictures: int = 3
) -> dict[str, object]:
    """Return what ComfyUI builds its network from: as Stable Diffusion's, but for these sizes."""
    layers = {
        "double_z": True,
        "z_channels": latents,
        "resolution": 256,
        "in_channels": pictures,
        "out_ch": pictures,
        "ch": channels,
        "ch_mult": list(multipliers),
        "num_res_blocks": blocks,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    return {"ddconfig": layers, "embed_dim": latents}
