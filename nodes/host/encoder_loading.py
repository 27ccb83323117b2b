"""ComfyUI's CLIP_VISION and VAE from files, read without executing a pickle, and small generated ones."""

from pathlib import Path

import torch
from comfy.clip_vision import ClipVisionModel, convert_to_transformers, load_clipvision_from_sd
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.sd import VAE

from ...animatex_core.checkpoints.autoencoder_keys import (
    current_diffusers_names,
    diffusers_to_ldm,
    has_ldm_names,
    without_prefix,
)
from ...animatex_core.checkpoints.safe_read import open_tensors
from ...animatex_core.checkpoints.strict import check_keys, shapes
from ...animatex_core.encoders.autoencoder import WHAT
from ...animatex_core.errors import WrongCheckpoint
from ...animatex_core.model.generated import generate_weights

OPEN_CLIP_VISION = "visual."  # begins the keys of the vision tower in OpenCLIP's own file
SMALL_CLIP_VISION = Path(__file__).with_name("small_clip_vision.json")
PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # the rest is of training


def load_clip_vision(path: Path) -> ClipVisionModel:
    """Load a CLIP_VISION from a file in any of the forms that ComfyUI knows."""
    tensors = open_tensors(path)
    if any(key.startswith(OPEN_CLIP_VISION) for key in tensors):
        tensors = convert_to_transformers(tensors, OPEN_CLIP_VISION)
    found = shapes(tensors)
    model = load_clipvision_from_sd(tensors)
    if model is None:
        raise WrongCheckpoint(
            f"{path} holds no image encoder of CLIP: choose open_clip_pytorch_model.bin, OpenCLIP ViT-H-14."
        )
    # ComfyUI only logs what is missing, and leaves it to chance.
    expected = shapes(model.get_sd())
    check_keys(expected, {key: found[key] for key in expected if key in found}, "CLIP vision", str(path))
    return model


def load_vae(path: Path) -> VAE:
    """Load the autoencoder of Stable Diffusion, alone or out of a checkpoint, of which no more is kept."""
    found = without_prefix(open_tensors(path))
    tensors = found if has_ldm_names(found) else diffusers_to_ldm(current_diffusers_names(found))
    tensors = {key: tensor for key, tensor in tensors.items() if key.startswith(PARTS)}
    with torch.device("meta"):
        expected = AutoencoderKL(**_sizes(128, (1, 2, 4, 4), 2)).state_dict()
    check_keys(shapes(expected), shapes(tensors), WHAT, str(path))
    return VAE(sd=tensors)


def generated_clip_vision(seed: int = 0) -> ClipVisionModel:
    """Build a small CLIP_VISION that nobody trained, of the width that the built-in denoiser reads."""
    encoder = ClipVisionModel(SMALL_CLIP_VISION)
    generate_weights(encoder.model, seed)
    return encoder


def generated_vae(seed: int = 0) -> VAE:
    """Build a small VAE that nobody trained."""
    sizes = _sizes(32, (1, 1, 1, 1), 1)
    network = AutoencoderKL(**sizes)
    generate_weights(network, seed)
    return VAE(sd=network.state_dict(), config={"params": sizes})


def _sizes(channels: int, multipliers: tuple[int, ...], blocks: int) -> dict[str, object]:
    """Return what ComfyUI builds its network from: as Stable Diffusion's, but for these sizes."""
    layers = {
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": channels,
        "ch_mult": list(multipliers),
        "num_res_blocks": blocks,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    return {"ddconfig": layers, "embed_dim": 4}
