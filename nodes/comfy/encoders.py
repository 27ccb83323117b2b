"""ComfyUI's CLIP_VISION and VAE: loaded from files without executing pickles, and as the core's encoders."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from comfy.clip_vision import ClipVisionModel, convert_to_transformers, load_clipvision_from_sd
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.model_patcher import ModelPatcher
from comfy.sd import VAE
from einops import rearrange
from torch import Tensor

from ...animatex_core.checkpoints.safe_load import open_tensors
from ...animatex_core.checkpoints.validation import check_keys, shapes
from ...animatex_core.encoders.autoencoder import LATENT_SCALE, WHAT, AutoencoderConfig, bundled_config
from ...animatex_core.encoders.autoencoder_keys import (
    current_diffusers_names,
    diffusers_to_ldm,
    has_ldm_names,
    without_prefix,
)
from ...animatex_core.encoders.open_clip import read_open_clip_config
from ...animatex_core.encoders.preprocessing import CLIP_MEAN, CLIP_STD
from ...animatex_core.errors import InvalidInput, WrongCheckpoint
from ...animatex_core.hub.bundled import SmallBundle
from ...animatex_core.utils.text import first_sentence
from .loading import EagerLayers, map_with_comfyui, set_reload_function
from .video import temporary_folder

OPEN_CLIP_VISION = "visual."  # prefix of the vision tower's keys in OpenCLIP's own file
_CLIP, _CHOOSE = "CLIP vision", "choose open_clip_pytorch_model.bin, OpenCLIP ViT-H-14"
_UNUSABLE = (LookupError, NameError, RuntimeError)  # what ComfyUI raises for weights of other sizes
VAE_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # the rest is for training


@dataclass(frozen=True)
class ComfyImageEncoder:
    """The core's `ImageEncoder` protocol for a CLIP_VISION."""

    clip_vision: ClipVisionModel

    def encode(self, pictures: Tensor) -> Tensor:
        """Encode images (n, 3, 224, 224) to (n, clip_dim), on the device where ComfyUI keeps results."""
        # ComfyUI subtracts CLIP's mean itself, and neither resizes nor crops images of this size.
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
        units = rearrange(pictures * std + mean, "n c h w -> n h w c")
        return self.clip_vision.encode_image(units)["image_embeds"]


@dataclass(frozen=True)
class ComfyLatentEncoder:
    """The core's `LatentEncoder` protocol for a VAE, which always returns the mean of the posterior."""

    vae: VAE

    def encode(self, pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encode images (n, 3, h, w) in -1..1, sides multiples of 8, to (n, 4, h/8, w/8) times 0.18215."""
        assert generator is None
        latents = self.vae.encode(rearrange(pictures * 0.5 + 0.5, "n c h w -> n h w c"))
        if latents.ndim != 4:  # the number of channels is checked where the model is known
            raise InvalidInput(
                f"The VAE gives latents {tuple(latents.shape)}, as a video VAE does: connect the VAE of Load "
                "Animate-X Encoders."
            )
        return latents.float() * LATENT_SCALE  # ComfyUI may keep latents in 16 bits


def load_clip_vision(path: Path) -> ClipVisionModel:
    """Load a CLIP_VISION from a file in any form that ComfyUI supports.

    Raises:
        CheckpointError: For a file that is damaged, unsafe or of another model.

    """
    tensors = _open(path)
    if any(key.startswith(OPEN_CLIP_VISION) for key in tensors):
        tensors = convert_to_transformers(tensors, OPEN_CLIP_VISION)
    found = shapes(tensors)
    try:
        model = load_clipvision_from_sd(tensors)
    except _UNUSABLE as error:
        raise WrongCheckpoint(f"{path} does not fit {_CLIP} ({first_sentence(error)}): {_CHOOSE}.") from error
    if model is None:
        raise WrongCheckpoint(f"{path} contains no CLIP image encoder: {_CHOOSE}.")
    # ComfyUI only logs missing weights, and leaves them uninitialized.
    expected = _clip_vision_shapes(model)
    check_keys(expected, {key: found[key] for key in expected if key in found}, _CLIP, str(path))
    set_reload_function(model.patcher, _reload_patcher, load_clip_vision, path)
    return model


def load_vae(path: Path) -> VAE:
    """Load the VAE of Stable Diffusion, from its own file or from a checkpoint, of which the rest is freed.

    Raises:
        CheckpointError: For a file that is damaged, unsafe or of another model.

    """
    found = without_prefix(_open(path), path)
    tensors = found if has_ldm_names(found) else diffusers_to_ldm(current_diffusers_names(found))
    tensors = {key: tensor for key, tensor in tensors.items() if key.startswith(VAE_PARTS)}
    with torch.device("meta"):
        expected = AutoencoderKL(**_vae_config(128, (1, 2, 4, 4), 2)).state_dict()
    check_keys(shapes(expected), shapes(tensors), WHAT, str(path))
    vae = VAE(sd=tensors)
    set_reload_function(vae.patcher, _reload_patcher, load_vae, path)
    return vae


def load_small_clip_vision(bundle: SmallBundle) -> ClipVisionModel:
    """Load the CLIP_VISION of a small bundle."""
    settings = read_open_clip_config(bundle.image_encoder_config)
    with temporary_folder() as folder:  # ComfyUI only reads sizes from a file
        path = folder / "clip_vision.json"
        path.write_text(json.dumps(_transformers_config(settings)), encoding="utf-8")
        encoder = ClipVisionModel(path)
    tensors = convert_to_transformers(_open(bundle.image_encoder), OPEN_CLIP_VISION)
    check_keys(_clip_vision_shapes(encoder), shapes(tensors), _CLIP, str(bundle.image_encoder))
    encoder.load_sd(tensors)
    set_reload_function(encoder.patcher, _reload_patcher, load_small_clip_vision, bundle)
    return encoder


def load_small_vae(bundle: SmallBundle) -> VAE:
    """Load the VAE of a small bundle."""
    config = bundled_config(bundle.autoencoder)
    width = config.channels[0]
    multipliers = tuple(channels // width for channels in config.channels)
    sizes = _vae_config(width, multipliers, config.blocks, config.latent_channels, config.picture_channels)
    tensors = diffusers_to_ldm(_open(bundle.autoencoder), len(config.channels))
    with torch.device("meta"):
        expected = shapes(AutoencoderKL(**sizes).state_dict())
    check_keys(expected, shapes(tensors), WHAT, str(bundle.autoencoder))
    vae = VAE(sd=tensors, config={"params": sizes})
    for module in vae.first_stage_model.modules():
        if isinstance(module, torch.nn.GroupNorm):  # ComfyUI always builds it with Stable Diffusion's 32
            module.num_groups = config.norm_groups
    _add_patch_hooks(vae, config)
    set_reload_function(vae.patcher, _reload_patcher, load_small_vae, bundle)
    return vae


def _add_patch_hooks(vae: VAE, config: AutoencoderConfig) -> None:
    """Fold images into patches before the encoder, and unfold the output of the decoder."""
    vae.latent_channels = config.latent_channels
    network = vae.first_stage_model
    network.encoder.register_forward_pre_hook(partial(_fold, config.patch))
    network.decoder.register_forward_hook(partial(_unfold, config.patch))


def _fold(patch: int, _encoder: object, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    images, *others = inputs
    return F.pixel_unshuffle(images, patch), *others


def _unfold(patch: int, _decoder: object, _inputs: object, images: Tensor) -> Tensor:
    return F.pixel_shuffle(images, patch)


def _reload_patcher(
    load: Callable[[Any], ClipVisionModel | VAE], source: Any, *, disable_dynamic: bool = False
) -> ModelPatcher:
    # As in ComfyUI's own function, the class of an encoder's patcher cannot be chosen.
    return load(source).patcher


def _open(path: Path) -> dict[str, Tensor]:
    return map_with_comfyui(path, open_tensors(path))


def _clip_vision_shapes(encoder: ClipVisionModel) -> dict[str, tuple[int, ...]]:
    """Return keys and shapes of the network, whose layers may not know them before they are loaded."""
    config = getattr(encoder, "config", None)
    if config is None:  # an older ComfyUI, whose layers know them
        return shapes(encoder.get_sd())
    network = type(encoder.model)(config, encoder.dtype, torch.device("meta"), EagerLayers)
    return shapes(network.state_dict())


def _transformers_config(settings: dict[str, Any]) -> dict[str, object]:
    """Return the sizes of OpenCLIP's vision tower in the form of transformers, which ComfyUI reads."""
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


def _vae_config(
    channels: int, multipliers: tuple[int, ...], blocks: int, latents: int = 4, images: int = 3
) -> dict[str, object]:
    """Return the configuration of ComfyUI's VAE: that of Stable Diffusion with these sizes."""
    layers = {
        "double_z": True,
        "z_channels": latents,
        "resolution": 256,
        "in_channels": images,
        "out_ch": images,
        "ch": channels,
        "ch_mult": list(multipliers),
        "num_res_blocks": blocks,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    return {"ddconfig": layers, "embed_dim": latents}
