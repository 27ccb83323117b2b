"""Loading Wan's transformer from ComfyUI's single file: sizes, scaled fp8 weights, merged LoRA."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...errors import WrongCheckpoint
from ...utils.progress import Progress, no_progress
from ..config import WanConfig
from ..lora import Lora, check_targets
from .keys import diffusers_name, to_diffusers, wan_shapes, without_prefix
from .transformer import load_wan

_WEIGHT, _SCALE, _INPUT_SCALE = ".weight", ".scale_weight", ".scale_input"
_MARKER = "scaled_fp8"
_HEAD_DIM = 128  # of all Wan 2.1 models
_PATCH = 4  # latents per token, 2 x 2
_I2V_CHANNELS = 36
_MAX_LAYERS = 256


def dequantize_scaled_fp8(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Multiply scaled fp8 weights by their scales.

    fp8 weights without scales only need a cast. Scales of inputs are for fp8 matrix products, which are not
    used here: fp8 saves disk space and download time, not memory.

    Args:
        tensors: Key to tensor.
        dtype: Type of the dequantised weights.

    Returns:
        The weights; those without scale are the same objects.

    """
    plain: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if key == _MARKER or key.endswith((_SCALE, _INPUT_SCALE)):
            continue
        scale = tensors.get(key.removesuffix(_WEIGHT) + _SCALE) if key.endswith(_WEIGHT) else None
        plain[key] = tensor if scale is None else (tensor.float() * scale.float()).to(dtype)
    return plain


def config_from_weights(tensors: Mapping[str, Tensor], source: str) -> WanConfig:
    """Read the sizes of a transformer from its weights.

    Args:
        tensors: Weights under the keys of diffusers (see `keys.to_diffusers`).
        source: Where they come from, for error messages.

    Raises:
        WrongCheckpoint: They are of another model, such as Wan's text-to-video.

    """
    patches = shape_of(tensors, "patch_embedding.weight", source)
    if patches[1] != _I2V_CHANNELS:
        raise WrongCheckpoint(
            f"{source} has {patches[1]} input channels, but Animate-X++ was trained on image to video, which "
            f"has {_I2V_CHANNELS}: choose wan2.1_i2v_720p_14B."
        )
    text = shape_of(tensors, "condition_embedder.text_embedder.linear_1.weight", source)
    return WanConfig(
        dim=patches[0],
        ffn_dim=shape_of(tensors, "blocks.0.ffn.net.0.proj.weight", source)[0],
        heads=max(1, patches[0] // _HEAD_DIM),
        blocks=count_layers(tensors, "blocks."),
        in_channels=patches[1],
        out_channels=shape_of(tensors, "proj_out.weight", source)[0] // _PATCH,
        freq_dim=shape_of(tensors, "condition_embedder.time_embedder.linear_1.weight", source)[1],
        text_dim=text[1],
        image_dim=shape_of(tensors, "condition_embedder.image_embedder.norm1.weight", source)[0],
    )


def shape_of(tensors: Mapping[str, Tensor], key: str, source: str) -> tuple[int, ...]:
    """Return the shape of a required weight.

    Args:
        tensors: Tensors by key.
        key: Key of the weight.
        source: Where the tensors come from, for the message.

    Raises:
        WrongCheckpoint: The weight is missing or has no dimensions.

    """
    if key not in tensors or tensors[key].ndim == 0:
        raise WrongCheckpoint(f"{source} lacks {key}: choose the right file of Wan 2.1.")
    return tuple(tensors[key].shape)


def count_layers(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """Return the number of numbered layers with a prefix; raises WrongCheckpoint for too many."""
    layers = len({key[len(prefix) :].partition(".")[0] for key in tensors if key.startswith(prefix)})
    if layers > _MAX_LAYERS:
        raise WrongCheckpoint(
            f"The file has {layers:,} layers {prefix}N, but at most {_MAX_LAYERS} are allowed: choose the "
            "right file of Wan 2.1."
        )
    return layers


def load_wan_file(
    path: str | Path,
    lora: Lora,
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
    merging_on: torch.device | str | None = None,
    progress: Progress = no_progress,
) -> nn.Module:
    """Load a file such as `wan2.1_i2v_720p_14B_fp16.safetensors` for inference, with a LoRA merged in.

    Args:
        path: The file, with official keys, prefixed or not, or those of diffusers.
        lora: The LoRA, which is merged in `dtype` as in the official code.
        dtype: Type of the weights; fp8 is converted to it.
        device: Where the weights are.
        merging_on: Device to merge on; None merges on `device`.
        progress: Called with the number of tensors loaded and their total.

    Raises:
        CheckpointError: The file is damaged or of another model, or the LoRA does not fit.

    """
    tensors = to_diffusers(dequantize_scaled_fp8(without_prefix(open_tensors(path), path), dtype))
    config = config_from_weights(tensors, str(path))
    check_targets(lora, wan_shapes(config), "Animate-X++'s file")
    pairs = {diffusers_name(f"{layer}.weight"): pair for layer, pair in lora.items()}

    def loaded(key: str, tensor: Tensor) -> Tensor:
        if key not in pairs:
            return tensor.to(device, dtype)
        return pairs[key].merged(tensor.to(merging_on or device, dtype)).to(device)

    weights: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        weights[key] = loaded(key, tensor)
        progress(len(weights), len(tensors))
    return load_wan(weights, config, str(path), dtype, device)
