"""Wan's transformer from the one file that ComfyUI has of it, with the LoRA of Animate-X++ merged in."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoints.safe_read import open_tensors
from ..progress import Progress, no_progress
from .lora import Lora, check_targets
from .scaled_fp8 import unscaled
from .wan import load_wan
from .wan_keys import diffusers_name, to_diffusers, wan_shapes, without_prefix
from .wan_sizes import wan_config_of


def load_wan_file(
    path: str | Path,
    lora: Lora,
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
    merging_on: torch.device | str | None = None,
    progress: Progress = no_progress,
) -> nn.Module:
    """Load a file such as `wan2.1_i2v_720p_14B_fp16.safetensors` for inference.

    Official names, with a prefix or without, or those of diffusers; eight bits become `dtype`. The LoRA is
    merged in that type, as released, on a device of its own where one is given. progress: called with the
    tensors that are loaded and those there are.
    Raises CheckpointError and its kinds for other files, and where the LoRA does not fit.
    """
    tensors = to_diffusers(unscaled(without_prefix(open_tensors(path), path), dtype))
    config = wan_config_of(tensors, str(path))
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
